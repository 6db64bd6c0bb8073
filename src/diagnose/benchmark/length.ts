import type { PackedBatch } from "../../data/packed_batch.ts";
import type { Engine } from "../../engine/engine.ts";
import { type Bench, caseOf, openWithin, paperModel, type TimedCase, unlessTooLong } from "./bench.ts";
import { type BenchmarkRow, ratioRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import {
  countApplications,
  NEVER_HALTS,
  settledWeights,
  stepSettings,
  uniformBatch,
  withHaltingBias,
} from "./workload.ts";

const NANOSECONDS = 1e6;

const PASSES: readonly (readonly [figure: string, pass: (engine: Engine, batch: PackedBatch) => Promise<unknown>])[] = [
  ["forward_by_length", (engine, batch) => engine.predict(batch, { want: "everything", klScale: 1 })],
  ["forward_backward_by_length", (engine, batch) => engine.gradient(batch, stepSettings(0))],
];

/**
 * Cost per token against the length of the sequences, all steps of `soft` mode: batches of equally many tokens, on one
 * thread, since a sequence is one thread's work. Leaves out lengths that the device cannot compute.
 */
export async function benchmarkLength(bench: Bench): Promise<BenchmarkRow[]> {
  const config = paperModel("soft");
  const { lengths } = bench.sizes;
  const threads = 1;
  const tokens = Math.max(...lengths);
  const weights = withHaltingBias(config, settledWeights(config), NEVER_HALTS);
  await using engines = new AsyncDisposableStack();
  const engine = await openWithin(engines, bench, config, threads);
  await engine.upload({ weights });
  const rows: BenchmarkRow[] = [];
  for (const [figure, pass] of PASSES) {
    const cases: TimedCase[] = [];
    for (const length of lengths) {
      const sequences = tokens / length;
      const batch = uniformBatch(config, sequences, length);
      const meanSteps = await unlessTooLong(bench, `${figure} of ${length} tokens`, async () => {
        await pass(engine, batch);
        return await countApplications(engine, config, batch) / tokens;
      });
      if (meanSteps === undefined) continue;
      cases.push({
        measured: caseOf(bench, config, { threads, sequences, tokens: length, meanSteps }),
        run: () => pass(engine, batch),
      });
    }
    const times = await timeInterleaved(cases, bench.timing);
    rows.push(...cases.flatMap(({ measured }, i) => {
      const cost = timeRow(measured, figure, "ns/token", times[i], NANOSECONDS / tokens);
      const unit = `times ${lengths[0]} tokens`;
      return i === 0 ? [cost] : [cost, ratioRow(measured, `${figure}_ratio`, unit, times[i], times[0])];
    }));
  }
  return rows;
}
