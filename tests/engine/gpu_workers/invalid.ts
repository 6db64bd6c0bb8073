/** A worker of the GPU engine that once makes a buffer which may not be bound. */
import { GpuModel } from "../../../src/engine/gpu/model.ts";
import "../../../src/engine/gpu/worker.ts";

let calls = 0;
const { trainSteps } = GpuModel.prototype;
GpuModel.prototype.trainSteps = function (steps) {
  if (++calls === 2) {
    this.buffers.release("halt");
    this.buffers.need("halt", 2 ** 20, GPUBufferUsage.COPY_DST);
  }
  return trainSteps.call(this, steps);
};
