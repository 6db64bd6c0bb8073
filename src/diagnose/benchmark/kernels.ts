import { PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, openWithin, paperModel } from "./bench.ts";
import { type BenchmarkRow, timeRow } from "./row.ts";
import { type TimedTask, timeInterleaved } from "./timing.ts";
import {
  countApplications,
  NEVER_HALTS,
  settledWeights,
  stepSettings,
  uniformBatch,
  withHaltingBias,
} from "./workload.ts";

const NANOSECONDS = 1e6;

/**
 * Forward, and forward with backward with and without dropout, per token-step and core: all steps of `soft` mode, so that
 * every token-step costs the same. Embedding, head, losses and the reduction of the gradients are shared out over them.
 */
export async function benchmarkKernels(bench: Bench): Promise<BenchmarkRow[]> {
  const config = paperModel("soft");
  const { sequences, tokens } = bench.sizes;
  const batch = uniformBatch(config, sequences, tokens);
  const weights = withHaltingBias(config, settledWeights(config), NEVER_HALTS);
  await using engines = new AsyncDisposableStack();
  const tasks: (TimedTask & { readonly row: (times: readonly number[]) => BenchmarkRow })[] = [];
  for (const threads of bench.threads) {
    const engine = await openWithin(engines, bench, config, threads);
    await engine.upload({ weights });
    const applications = await countApplications(engine, config, batch);
    const meanSteps = applications / batch.tokens.length;
    const add = (figure: string, dropout: number, run: TimedTask["run"]) => {
      const measured = caseOf(bench, config, { threads, sequences, tokens, meanSteps, dropout });
      const factor = NANOSECONDS * threads / applications;
      tasks.push({ run, row: (times) => timeRow(measured, figure, "ns/token-step/core", times, factor) });
    };
    add("forward", 0, () => engine.predict(batch, { want: "everything", klScale: 1 }));
    for (const dropout of [0, PAPER_CONFIG.dropout]) {
      add("forward_backward", dropout, () => engine.gradient(batch, stepSettings(dropout)));
    }
  }
  const times = await timeInterleaved(tasks, bench.timing);
  return tasks.map(({ row }, i) => row(times[i]));
}
