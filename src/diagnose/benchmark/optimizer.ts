import { tensorTable } from "../../model/tensors.ts";
import { type Bench, caseOf, openWithin, paperModel, type TimedCase } from "./bench.ts";
import { type BenchmarkRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { settledWeights, stepSettings, uniformBatch } from "./workload.ts";

/** Moments of the size that training gives them: zeros would decay into denormal numbers, which are slow. */
const FIRST_MOMENT = 1e-4;
const SECOND_MOMENT = 1e-6;

/**
 * What a training step costs beside its tokens: power iteration, gradient norm, clipping and AdamW over all parameters,
 * taken as the training step of one sequence of one token.
 */
export async function benchmarkOptimizer(bench: Bench): Promise<BenchmarkRow[]> {
  const config = paperModel("exit");
  const batch = uniformBatch(config, 1, 1);
  const { parameterCount } = tensorTable(config);
  const state = {
    weights: settledWeights(config),
    optimizer: {
      firstMoment: new Float32Array(parameterCount).fill(FIRST_MOMENT),
      secondMoment: new Float32Array(parameterCount).fill(SECOND_MOMENT),
      step: 0,
    },
  };
  await using engines = new AsyncDisposableStack();
  const cases: TimedCase[] = [];
  for (const threads of bench.threads) {
    const engine = await openWithin(engines, bench, config, threads);
    cases.push({
      measured: caseOf(bench, config, { threads, sequences: 1, tokens: 1, meanSteps: null }),
      prepare: () => engine.upload(state),
      run: () => engine.trainStep(batch, stepSettings(0)),
    });
  }
  const times = await timeInterleaved(cases, bench.timing);
  return cases.map(({ measured }, i) => timeRow(measured, "optimizer_step", "ms", times[i]));
}
