/** A worker of the GPU engine whose training throws where nobody catches it, and never answers. */
import { GpuModel } from "../../../src/engine/gpu/model.ts";
import "../../../src/engine/gpu/worker.ts";

GpuModel.prototype.trainSteps = () => {
  setTimeout(() => {
    throw new Error("made to throw");
  }, 1);
  return new Promise(() => {});
};
