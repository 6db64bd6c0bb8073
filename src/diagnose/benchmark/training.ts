import { PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, openWithin, paperModel, type TimedCase } from "./bench.ts";
import { type BenchmarkRow, ratioRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { stepSettings, TYPICAL_STEPS, uniformBatch, weightsOfDepth } from "./workload.ts";

/**
 * Whole training steps with dropout on each number of threads, `exit` at the depth of a trained model and `soft` with
 * all its steps, and how many times as fast as on the first number of threads they are.
 */
export async function benchmarkTraining(bench: Bench): Promise<BenchmarkRow[]> {
  const { sequences, tokens } = bench.sizes;
  const { dropout, maxLayers } = PAPER_CONFIG;
  await using engines = new AsyncDisposableStack();
  const cases: TimedCase[] = [];
  for (const halting of ["exit", "soft"] as const) {
    const config = paperModel(halting);
    const batch = uniformBatch(config, sequences, tokens);
    for (const threads of bench.threads) {
      const engine = await openWithin(engines, bench, config, threads);
      const wanted = halting === "exit" ? TYPICAL_STEPS : maxLayers;
      const { meanSteps } = await weightsOfDepth(engine, config, batch, wanted);
      cases.push({
        measured: caseOf(bench, config, { threads, sequences, tokens, meanSteps, dropout }),
        run: () => engine.trainStep(batch, stepSettings(dropout)),
      });
    }
  }
  const times = await timeInterleaved(cases, bench.timing);
  return cases.flatMap(({ measured }, i) => {
    const first = cases.findIndex((other) => other.measured.halting === measured.halting);
    const step = timeRow(measured, "training_step", "ms", times[i]);
    if (i === first) return [step];
    const unit = `times ${cases[first].measured.threads} thread${cases[first].measured.threads === 1 ? "" : "s"}`;
    return [step, ratioRow(measured, "training_step_speedup", unit, times[first], times[i])];
  });
}
