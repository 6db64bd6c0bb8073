import { type Bench, caseOf, openWithin, paperModel, type TimedCase } from "./bench.ts";
import { type BenchmarkRow, rateRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { TYPICAL_STEPS, uniformBatch, weightsOfDepth } from "./workload.ts";

/** Reviews per second when only the class is wanted: in `exit` mode a review ends when its `[CLS]` has halted. */
export async function benchmarkInference(bench: Bench): Promise<BenchmarkRow[]> {
  const config = paperModel("exit");
  const { sequences, tokens } = bench.sizes;
  const batch = uniformBatch(config, sequences, tokens);
  await using engines = new AsyncDisposableStack();
  const cases: TimedCase[] = [];
  for (const threads of bench.threads) {
    const engine = await openWithin(engines, bench, config, threads);
    await weightsOfDepth(engine, config, batch, TYPICAL_STEPS);
    const predict = () => engine.predict(batch, { want: "logits", klScale: 1 });
    const { haltingSteps } = await predict();
    const meanSteps = haltingSteps.reduce((sum, steps) => sum + steps, 0) / haltingSteps.length;
    cases.push({ measured: caseOf(bench, config, { threads, sequences, tokens, meanSteps }), run: predict });
  }
  const times = await timeInterleaved(cases, bench.timing);
  return cases.map(({ measured }, i) => rateRow(measured, "inference", "reviews/s", times[i], sequences));
}
