import { PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, mostThreads, openWithin, paperModel, type TimedCase } from "./bench.ts";
import { type BenchmarkRow, ratioRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { settledWeights, stepSettings, uniformBatch, weightsOfDepth } from "./workload.ts";

/**
 * What halting itself costs: a training step at a fixed depth (`repeat-k` at its default k), and how many times as long
 * one of `exit` takes whose tokens take as many steps on average.
 */
export async function benchmarkRepeat(bench: Bench): Promise<BenchmarkRow[]> {
  const fixed = paperModel("repeat-k"), adaptive = paperModel("exit");
  const { sequences, tokens } = bench.sizes;
  const { dropout } = PAPER_CONFIG;
  const threads = mostThreads(bench);
  const batch = uniformBatch(fixed, sequences, tokens);
  await using engines = new AsyncDisposableStack();
  const [repeating, halting] = [
    await openWithin(engines, bench, fixed, threads),
    await openWithin(engines, bench, adaptive, threads),
  ];
  await repeating.upload({ weights: settledWeights(fixed) });
  const { meanSteps } = await weightsOfDepth(halting, adaptive, batch, fixed.repeat);
  const cases: TimedCase[] = [
    {
      measured: caseOf(bench, fixed, { threads, sequences, tokens, meanSteps: fixed.repeat, dropout }),
      run: () => repeating.trainStep(batch, stepSettings(dropout)),
    },
    {
      measured: caseOf(bench, adaptive, { threads, sequences, tokens, meanSteps, dropout }),
      run: () => halting.trainStep(batch, stepSettings(dropout)),
    },
  ];
  const times = await timeInterleaved(cases, bench.timing);
  return [
    timeRow(cases[0].measured, "training_step_fixed_depth", "ms", times[0]),
    ratioRow(cases[1].measured, "halting_overhead", "times fixed depth", times[1], times[0]),
  ];
}
