import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { expectedMilliseconds, LAPTOP_GPU, stepCounters } from "../../src/engine/gpu/counters.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { benchmarkGpu } from "../../src/diagnose/benchmark/gpu.ts";
import { QUICK_SIZES } from "../../src/diagnose/benchmark/bench.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { MODELS, PAPER_CONFIG } from "../../src/model/config.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

const found = AGREEMENT_CASES.find(({ name }) => name.endsWith("seed 3"));
assert(found !== undefined);
const { config, state, batch, settings } = buildCase(found);

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !TEST_GPU, fn });
}

gpuTest("the counters are those of the device: its dispatches, its memory for a token", async () => {
  const model = await GpuModel.open(config);
  try {
    model.upload(state);
    await model.trainSteps([{ batch, settings }]);
    const tokens = batch.tokens.length;
    const counters = stepCounters(config, { sequences: batch.labels.length, tokens, meanSteps: 2 }, model.widths.least);
    assert.equal(model.recorder.dispatched, counters.dispatches);
    const held = ["rows", "halt", "lists"].reduce((sum, name) => sum + model.buffers.get(name).size, 0);
    // A sequence may take whole groups of tokens, and a few more beside them.
    const most = (tokens + 8 * batch.labels.length) * counters.tokenBytes;
    assert(held >= tokens * counters.tokenBytes && held <= most, `${held} of ${most}`);
  } finally {
    model.close();
  }
});

Deno.test("the expected time grows with what must move, and has the dispatches at least", () => {
  const work = { sequences: 32, tokens: 8800, meanSteps: 2.8 };
  const counters = stepCounters(PAPER_CONFIG, work, 256);
  const deeper = stepCounters(PAPER_CONFIG, { ...work, meanSteps: 5.6 }, 256);
  assert(deeper.movedPerToken > counters.movedPerToken && deeper.movedPerToken < 2 * counters.movedPerToken);
  // AdamW alone reads and writes four slabs.
  const { parameterCount } = tensorTable(PAPER_CONFIG);
  assert(counters.movedPerToken * work.tokens > 16 * parameterCount);
  const idle = { ...counters, movedPerToken: 0 };
  assert.equal(expectedMilliseconds(idle, work.tokens, LAPTOP_GPU.best), 0.096);
  assert.equal(expectedMilliseconds({ ...idle, movedPerToken: 5000 }, 10_000, LAPTOP_GPU.median), 1 + 0.144);
});

gpuTest("a profile tells the time of each dispatch of a step, together no more than the step took", async () => {
  const gpu = await GpuEngine.open(config);
  try {
    await gpu.upload(state);
    await gpu.trainStep(batch, settings);
    const started = performance.now();
    const times = await gpu.profile({ batch, settings });
    const whole = performance.now() - started;
    if (times === undefined) return; // an adapter without timestamps
    assert.deepEqual(times.map(({ pass }) => pass), ["trace", "train", "reduce", "adamw"]);
    const sum = times.reduce((total, { milliseconds }) => total + milliseconds, 0);
    assert(times.every(({ milliseconds }) => milliseconds >= 0) && sum > 0 && sum < whole, `${sum} of ${whole} ms`);
    assert.equal((await gpu.trainStep(batch, settings)).updated, true);
  } finally {
    await gpu.close();
  }
});

gpuTest("the benchmark of a GPU has its counters and times, that of another device no such rows", async () => {
  const bench = {
    device: "made",
    threads: [1],
    sizes: QUICK_SIZES,
    timing: { runs: 2, warmUp: 0, clock: () => performance.now(), onRun: () => {} },
    onSkip: assert.fail,
  };
  const rows = await benchmarkGpu({ ...bench, open: (config) => GpuEngine.open(config) });
  for (const model of MODELS) {
    const own = rows.filter((row) => row.model === model);
    const traffic = model === "epsilon" ? [["gpu_read", 0], ["gpu_written", 0]] : [];
    assert.deepEqual(own.slice(0, 6 + traffic.length).map(({ figure, runs }) => [figure, runs]), [
      ["gpu_dispatches", 0],
      ["gpu_workgroup_memory", 0],
      ["gpu_memory", 0],
      ["gpu_least_written_and_read", 0],
      ...traffic,
      ["gpu_expected_step", 0],
      ["gpu_step_of_many", 2],
    ]);
    assert.deepEqual(own.slice(-2).map(({ figure, runs }) => [figure, runs]), [
      ["gpu_training_processor_time", 2],
      ["gpu_inference_processor_time", 2],
    ]);
  }
  assert(rows.every(({ median, best }) => Number.isFinite(median) && best > 0));
  const times = rows.filter(({ figure }) => !figure.endsWith("processor_time"));
  assert(times.every(({ median, best }) => best <= median));
  assert.deepEqual(await benchmarkGpu({ ...bench, open: (config) => CpuEngine.open(config, { threads: 1 }) }), []);
});
