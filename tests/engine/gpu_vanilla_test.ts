import assert from "node:assert/strict";
import { buildCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { stepCounters } from "../../src/engine/gpu/counters.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { VANILLA_CASES } from "../../src/engine/vanilla_cases.ts";
import { RunError } from "../../src/errors.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { disagreements, expectedCase } from "./agreement.ts";
import { TEST_GPU } from "./gpu_adapter.ts";
import { GpuProbe } from "./gpu_probe.ts";

const found = VANILLA_CASES.find(({ seed }) => seed === 208);
assert(found !== undefined);
const agreement = found;
const { config, state, batch, settings } = buildCase(agreement);

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `vanilla on the GPU: ${name}`, ignore: !TEST_GPU, fn });
}

gpuTest("a training step takes four dispatches, a prediction one", async () => {
  const model = await GpuModel.open(config);
  try {
    model.upload(state);
    await model.trainSteps([{ batch, settings }]);
    const work = { sequences: batch.labels.length, tokens: batch.tokens.length, meanSteps: config.maxLayers };
    assert.equal(model.recorder.dispatched, 4);
    assert.equal(stepCounters(config, work, model.widths.least).dispatches, 4);
    await model.predict(batch, { want: "everything", klScale: 1 });
    assert.equal(model.recorder.dispatched, 5);
    await model.predict(batch, { want: "everything", klScale: 1 });
    assert.equal(model.recorder.dispatched, 6);
  } finally {
    model.close();
  }
});

gpuTest("the same bytes twice, one by one or together, and a run changes hands between GPU and CPU", async () => {
  const gpu = await GpuEngine.open(config), cpu = await CpuEngine.open(config, { threads: 1 });
  try {
    await gpu.upload(state);
    for (let step = 0; step < 3; step++) await gpu.trainStep(batch, settings);
    const first = await gpu.download();
    await gpu.upload(state);
    await gpu.trainSteps(new Array(3).fill({ batch, settings }));
    assert.deepEqual(await gpu.download(), first);
    await cpu.upload(state);
    await cpu.trainStep(batch, settings);
    await gpu.upload(await cpu.download());
    await gpu.trainStep(batch, settings);
    await cpu.upload(await gpu.download());
    await cpu.trainStep(batch, settings);
    const changed = (await cpu.download()).weights.parameters;
    const { parameters } = first.weights;
    assert(tensorError(changed, parameters, norm(parameters)) < 1e-4);
  } finally {
    await gpu.close();
    await cpu.close();
  }
});

gpuTest("where one weight is no number, nothing is changed", async () => {
  const gpu = await GpuEngine.open(config);
  try {
    for (const name of ["embed.weight", "blocks.4.attn.in_proj_weight", "blocks.1.ffn.0.bias", "ln_out.bias"]) {
      const spec = tensorTable(config).byName.get(name);
      assert(spec !== undefined);
      const parameters = state.weights.parameters.slice();
      parameters[spec.offset + (name === "embed.weight" ? batch.tokens[0] * config.dModel : 0)] = NaN;
      await gpu.upload({ ...state, weights: { ...state.weights, parameters } });
      assert.equal((await gpu.trainStep(batch, settings)).updated, false, name);
      const after = await gpu.download();
      assert.deepEqual(after.weights.parameters, parameters);
      assert.equal(after.optimizer.step, state.optimizer.step);
    }
  } finally {
    await gpu.close();
  }
});

gpuTest("sequences on either side of a workgroup's threads agree", async () => {
  const threads = 64, lengths = [1, 13, threads - 1, threads, threads + 1, 2 * threads + 1];
  const edges = { ...agreement, config: { ...config, maxSeqLength: 2 * threads + 1 }, lengths };
  const expected = await expectedCase(edges);
  const engine = await GpuProbe.open(edges.config, { limits: { maxComputeInvocationsPerWorkgroup: threads } });
  try {
    assert.equal(engine.model.widths.most, threads);
    assert.deepEqual(await disagreements(engine, expected), []);
  } finally {
    await engine.close();
  }
});

gpuTest("long reviews agree with the CPU; where a driver cuts loops short, nothing wrong comes out", async () => {
  const paper = { ...PAPER_CONFIG, model: "vanilla" as const };
  const weights = initialWeights(paper, 1);
  const gpu = await GpuEngine.open(paper), cpu = await CpuEngine.open(paper, { threads: 1 });
  try {
    await gpu.upload({ weights });
    await cpu.upload({ weights });
    for (const n of [512, 4096]) {
      const tokens = Int32Array.from({ length: n }, (_, i) => 1 + (i * 7919) % 3007);
      const review = { tokens, offsets: Uint32Array.of(0, n), labels: Uint8Array.of(1) };
      const objective = { klScale: 1, dropout: 0.1, seed: 1 };
      const wanted = await cpu.gradient(review, objective);
      const own = await gpu.gradient(review, objective).catch((error: Error) => error);
      if (own instanceof Error) {
        assert(n > PAPER_CONFIG.maxSeqLength && own instanceof RunError, own.message);
        await assert.rejects(gpu.trainStep(review, { ...settings, ...objective }), RunError);
        assert.deepEqual((await gpu.download()).weights.parameters, weights.parameters);
      } else {
        assert(tensorError(own.gradient, wanted.gradient, 0) < 1e-4);
      }
    }
  } finally {
    await gpu.close();
    await cpu.close();
  }
});
