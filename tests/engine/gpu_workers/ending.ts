/** A worker of the GPU engine that ends in the middle of a training step. */
import process from "node:process";
import { GpuModel } from "../../../src/engine/gpu/model.ts";
import "../../../src/engine/gpu/worker.ts";

GpuModel.prototype.trainSteps = () => {
  setTimeout(() => process.exit(3), 1);
  return new Promise(() => {});
};
