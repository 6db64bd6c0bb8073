import assert from "node:assert/strict";
import { AGREEMENT_CASES, type AgreementCase, buildCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { RunError } from "../../src/errors.ts";
import type { HaltingMode } from "../../src/model/config.ts";
import { norm, tensorError, valueError } from "../../src/model/golden.ts";
import { disagreements, expectedCase } from "./agreement.ts";
import { TEST_GPU } from "./gpu_adapter.ts";
import { GpuProbe, withShader } from "./gpu_probe.ts";

/** Threads of a workgroup, small so that few tokens go beyond them; a prime below them. */
const W = 64, PRIME = 13;

/** Groups of a dispatch go up to 65,535 on most adapters. */
const MANY = 66_000;

const [small] = AGREEMENT_CASES.filter(({ config }) => config.dModel === 4 && config.maxLayers === 1);

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !TEST_GPU, fn });
}

for (const [halting, dropout] of [["exit", 0.1], ["soft", 0]] as [HaltingMode, number][]) {
  const lengths = [1, PRIME, W - 1, W, W + 1, 2 * W + 1];
  gpuTest(`${halting}: sequences of ${lengths.join(", ")} tokens in workgroups of ${W} threads agree`, async () => {
    const [base] = AGREEMENT_CASES;
    const config = { ...base.config, halting, maxSeqLength: 2 * W + 1 };
    const agreement: AgreementCase = { ...base, name: `${halting} on edges`, config, lengths, dropout, seed: 41 };
    const expected = await expectedCase(agreement);
    // No decision is so close to its tie that float32 could take it otherwise.
    assert(expected.margin > 1e-5, `margin ${expected.margin}`);
    const engine = await GpuProbe.open(config, { limits: { maxComputeInvocationsPerWorkgroup: W } });
    try {
      assert.equal(engine.model.widths.most, W);
      assert.deepEqual(await disagreements(engine, expected), []);
    } finally {
      await engine.close();
    }
  });
}

gpuTest(`${MANY} sequences, more than workgroups of one dispatch, agree with the CPU`, async () => {
  const config = { ...small.config, numHeads: 1, maxSeqLength: 2 };
  const lengths = Array.from({ length: MANY }, (_, s) => 1 + s % 2);
  const { state, batch, settings } = buildCase({ ...small, config, lengths });
  const cpu = await CpuEngine.open(config, { threads: 1 });
  const gpu = await GpuProbe.open(config, { limits: { maxComputeInvocationsPerWorkgroup: 8 } });
  try {
    const results = [];
    for (const engine of [cpu, gpu]) {
      await engine.upload(state);
      const prediction = await engine.predict(batch, { want: "everything", klScale: 1 });
      results.push({ prediction, step: await engine.trainStep(batch, settings), state: await engine.download() });
    }
    const [wanted, found] = results;
    assert(tensorError(found.prediction.logits, wanted.prediction.logits, 0) < 1e-4);
    assert.deepEqual(found.prediction.haltingSteps, wanted.prediction.haltingSteps);
    assert(valueError(found.step.gradNorm, wanted.step.gradNorm) < 1e-4);
    const { parameters } = wanted.state.weights;
    assert(tensorError(found.state.weights.parameters, parameters, norm(parameters)) < 1e-4);
  } finally {
    await cpu.close();
    await gpu.close();
  }
});

gpuTest("where a driver cuts the loops of the reduction short, nothing wrong comes out", async () => {
  const { config, state, batch, settings } = buildCase(small);
  // Uses up what Mesa allows: 65,535 rounds of all loops of a thread together.
  const spend = "for (var i = 0u; i < reduction.two * 40000u; i++) { sums[tid].x += f32(i); }";
  using _spent = withShader("kernels/adamw/reduce.wgsl", (source) => {
    const spending = source.replace(/^fn reduce\([^]*?\) \{\n/m, (head) => `${head}  ${spend}\n`);
    assert.notEqual(spending, source);
    return spending;
  });
  const cpu = await CpuEngine.open(config, { threads: 1 }), gpu = await GpuProbe.open(config);
  try {
    for (const engine of [cpu, gpu]) await engine.upload(state);
    const wanted = await cpu.gradient(batch, settings);
    const found = await gpu.gradient(batch, settings).catch((error: Error) => error);
    if (found instanceof Error) {
      assert(
        found instanceof RunError && /Cannot add up the gradient.*65535 rounds/.test(found.message),
        found.message,
      );
      await assert.rejects(gpu.trainStep(batch, settings), RunError);
      assert.deepEqual((await gpu.download()).weights.parameters, state.weights.parameters);
    } else {
      assert(tensorError(found.gradient, wanted.gradient, 0) < 1e-4);
    }
  } finally {
    await cpu.close();
    await gpu.close();
  }
});
