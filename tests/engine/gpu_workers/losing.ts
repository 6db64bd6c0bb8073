/** A worker of the GPU engine that loses its device in the third call for training. */
import { GpuModel } from "../../../src/engine/gpu/model.ts";
import "../../../src/engine/gpu/worker.ts";

let calls = 0;
const { trainSteps } = GpuModel.prototype;
GpuModel.prototype.trainSteps = function (steps) {
  const result = trainSteps.call(this, steps);
  // The commands are recorded, or submitted, and nothing is read back yet.
  if (++calls === 3) this.device.destroy();
  return result;
};
