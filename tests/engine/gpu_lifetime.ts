/** Takes many steps on the GPU and fails when a buffer, a bind group or the process's memory grows meanwhile. */
import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import type { TrainingStep } from "../../src/engine/engine.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";

const found = AGREEMENT_CASES.find(({ name }) => name.endsWith("seed 6"));
assert(found !== undefined);
const { config, state, batch, settings } = buildCase(found);

const STEPS = 2000;
/** Steps of a submission. */
const CHUNK = 50;
/** A leak of 16 KiB a step, a fraction of what one holds, would take as much. */
const MOST_GROWTH = 32 * 2 ** 20;

/** Counts what `run` makes on any device. */
async function countMade(run: () => Promise<void>): Promise<Record<"createBuffer" | "createBindGroup", number>> {
  const made = { createBuffer: 0, createBindGroup: 0 };
  const { createBuffer, createBindGroup } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    made.createBuffer++;
    return createBuffer.call(this, descriptor);
  };
  GPUDevice.prototype.createBindGroup = function (descriptor) {
    made.createBindGroup++;
    return createBindGroup.call(this, descriptor);
  };
  try {
    await run();
  } finally {
    Object.assign(GPUDevice.prototype, { createBuffer, createBindGroup });
  }
  return made;
}

const model = await GpuModel.open(config);
model.upload(state);
const steps = new Array<TrainingStep>(CHUNK).fill({ batch, settings });
const train = async (count: number) => {
  for (let done = 0; done < count; done += CHUNK) {
    assert.equal((await model.trainSteps(steps)).length, CHUNK);
    await model.predict(batch, { want: "everything", klScale: 1 });
  }
};
// Pools of the driver and of the engine fill first.
await train(STEPS / 4);
const { count, bytes } = model.buffers, before = Deno.memoryUsage().rss;
assert.deepEqual(await countMade(() => train(STEPS)), { createBuffer: 0, createBindGroup: 0 });
assert.deepEqual([model.buffers.count, model.buffers.bytes], [count, bytes]);
const growth = Deno.memoryUsage().rss - before;
assert(growth < MOST_GROWTH, `${growth} bytes more after ${STEPS} steps`);
assert.equal((await model.download()).optimizer.step, state.optimizer.step + STEPS + STEPS / 4);
model.close();
console.log(`${STEPS} steps`);
