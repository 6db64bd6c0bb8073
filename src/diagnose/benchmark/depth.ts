import { PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, mostThreads, openWithin, paperModel, type TimedCase } from "./bench.ts";
import { type BenchmarkRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { stepSettings, uniformBatch, weightsOfDepth } from "./workload.ts";

/** Time of a training step against the mean number of steps that the tokens of `exit` mode take: what halting saves. */
export async function benchmarkDepth(bench: Bench): Promise<BenchmarkRow[]> {
  const config = paperModel("exit");
  const { sequences, tokens, depths } = bench.sizes;
  const { dropout } = PAPER_CONFIG;
  const threads = mostThreads(bench);
  const batch = uniformBatch(config, sequences, tokens);
  await using engines = new AsyncDisposableStack();
  const engine = await openWithin(engines, bench, config, threads);
  const cases: TimedCase[] = [];
  for (const wanted of depths) {
    const { weights, meanSteps } = await weightsOfDepth(engine, config, batch, wanted);
    cases.push({
      measured: caseOf(bench, config, { threads, sequences, tokens, meanSteps, dropout }),
      prepare: () => engine.upload({ weights }),
      run: () => engine.trainStep(batch, stepSettings(dropout)),
    });
  }
  const times = await timeInterleaved(cases, bench.timing);
  return cases.map(({ measured }, i) => timeRow(measured, "training_step_by_depth", "ms", times[i]));
}
