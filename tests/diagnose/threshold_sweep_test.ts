import assert from "node:assert/strict";
import { RESULT_FIELDS } from "../../kernels/header.ts";
import type { TokenizedDataset } from "../../src/data/dataset.ts";
import { sweepThresholds, type ThresholdPoint } from "../../src/diagnose/threshold_sweep.ts";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { UsageError } from "../../src/errors.ts";
import { runToEnd } from "../../src/train/run_to_end.ts";
import { headerWord, withCpu } from "../engine/cpu_harness.ts";

const caseIn = (mode: BuiltCase["config"]["halting"]) => {
  const found = AGREEMENT_CASES.find(({ config }) => config.halting === mode);
  assert(found !== undefined);
  return buildCase(found);
};

/** The case's batch as a dataset of its own. */
function datasetOf({ batch }: BuiltCase): TokenizedDataset {
  return {
    ...batch,
    names: Array.from(batch.labels, (_, s) => `sequence ${s}`),
    dataHash: "12".repeat(32),
    vocabularyHash: "ab".repeat(32),
    vocabularySize: 37,
  };
}

async function sweep(built: BuiltCase, engine: Engine, thresholds: readonly number[]): Promise<ThresholdPoint[]> {
  const { batch, config } = built;
  const work = sweepThresholds({
    engine,
    dataset: datasetOf(built),
    indices: Uint32Array.from(batch.labels.keys()),
    modelConfig: config,
    batchSize: batch.labels.length,
    thresholds,
  });
  let batches = 0;
  return await runToEnd(work, (done) => {
    batches++;
    assert.deepEqual([done.batch, done.batches], [batches, 2 * thresholds.length]);
  });
}

for (const mode of ["exit", "soft"] as const) {
  Deno.test(`in ${mode} mode the steps told of inference are those that the kernels computed`, async () => {
    const built = caseIn(mode);
    const costs: number[] = [];
    for (const threshold of [0.1, 0.5, 0.9, 1]) {
      await withCpu(built, {}, async ({ engine, memories: [memory] }) => {
        const [point] = await sweep(built, engine, [threshold]);
        const count = built.batch.labels.length, fields = RESULT_FIELDS.length;
        const results = new Float64Array(memory.buffer, headerWord(memory, "results"), count * fields);
        let applications = 0;
        for (let s = 0; s < count; s++) applications += results[s * fields + RESULT_FIELDS.indexOf("applications")];
        assert.equal(point.inference.tokenSteps, applications);
        assert.equal(point.inference.stepsMean, applications / built.batch.tokens.length);
        assert.equal(point.evaluation.haltingDepthMean, point.evaluation.haltingStepsMean - 1);
        costs.push(applications);
      });
    }
    assert(costs[0] < costs[3], costs.join());
  });
}

Deno.test("a model whose tokens never halt has no thresholds to sweep", async () => {
  const built = caseIn("repeat-k");
  await withCpu(built, {}, ({ engine }) => assert.rejects(sweep(built, engine, [0.5]), UsageError));
});
