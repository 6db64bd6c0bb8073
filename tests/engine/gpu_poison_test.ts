import assert from "node:assert/strict";
import { ALL_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { TEST_GPU } from "./gpu_adapter.ts";
import { GpuProbe, LASTING, type ProbeOptions } from "./gpu_probe.ts";

/** NaN as a float; as an integer once a huge count, once an address beyond any buffer. */
const POISONS = [0xffffffff, 0x7fc5a5a5];

type Call = (engine: Engine, built: BuiltCase) => Promise<unknown>;

/** Each is made twice in a row: the second time nothing has to be prepared. */
const CALLS: readonly (readonly [name: string, call: Call])[] = [
  ["gradient", (engine, { batch, settings }) => engine.gradient(batch, settings)],
  ["predict everything", (engine, { batch }) => engine.predict(batch, { want: "everything", klScale: 0.3 })],
  ["predict logits", (engine, { batch }) => engine.predict(batch, { want: "logits", klScale: 0.3 })],
  ["trace", (engine, { batch }) => engine.trace(batch)],
  ["trainStep", async (engine, { batch, settings }) => [
    await engine.trainStep(batch, settings),
    await engine.download(),
  ]],
];

/** Results of all calls, in an order in which each shape of the scratch memory follows another. */
async function resultsOf(built: BuiltCase, options: ProbeOptions): Promise<unknown[]> {
  const engine = await GpuProbe.open(built.config, options);
  try {
    await engine.upload(built.state);
    const results: unknown[] = [];
    for (const [, call] of CALLS) results.push(await call(engine, built), await call(engine, built));
    assert.deepEqual(LASTING.filter((label) => !engine.labels.has(label)), [], "the engine's buffers have other names");
    return results;
  } finally {
    await engine.close();
  }
}

/** Cases that together meet every mode, dropout, frozen bins, odd heads and bins, and sequences of one token. */
const SEEDS = [3, 5, 6, 9, 14, 20, 26, 30, 32, 205, 208, 216];

/** One of each model that is run in half precision as well. */
const HALF_SEEDS = [34, 208];

const CASES = ALL_CASES.flatMap((agreement) => [
  ...SEEDS.includes(agreement.seed) ? [{ agreement, precision: "f32" as const }] : [],
  ...HALF_SEEDS.includes(agreement.seed) ? [{ agreement, precision: "f16" as const }] : [],
]);

for (const { agreement, precision } of CASES) {
  const { name } = agreement;
  Deno.test({
    name:
      `the GPU reads nothing that no one wrote, a call repeats to the byte, so do few workgroups: ${precision}, ${name}`,
    ignore: !TEST_GPU,
    fn: async () => {
      const built = buildCase(agreement);
      const clean = await resultsOf(built, { precision });
      for (const poison of POISONS) {
        const poisoned = await resultsOf(built, { precision, poison });
        clean.forEach((result, r) =>
          assert.deepEqual(poisoned[r], result, `${CALLS[r >> 1][0]} after ${poison.toString(16)}`)
        );
      }
      // As if every pass had more groups than the adapter dispatches at once: each takes several in turn.
      const capped = await resultsOf(built, {
        precision,
        limits: { maxComputeWorkgroupsPerDimension: 2 },
        poison: POISONS[0],
      });
      clean.forEach((result, r) => assert.deepEqual(capped[r], result, `${CALLS[r >> 1][0]} in two workgroups`));
    },
  });
}
