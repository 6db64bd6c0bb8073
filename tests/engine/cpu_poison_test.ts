import assert from "node:assert/strict";
import { ALL_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { transientStart, withCpu } from "./cpu_harness.ts";

/** Far more than any of the cases needs; the last page must stay untouched. */
const POISONED_BYTES = 6 * 2 ** 20;
const LAST_WORDS = 16384;

/** NaN as a float; as an integer once a huge count, once an address beyond the memory. */
const POISONS = [0xffffffff, 0x7fc5a5a5];

type Call = (engine: Engine, built: BuiltCase) => Promise<unknown>;

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

/** Results of all calls on `built`; before each one, `spoil` has a go at the memory. */
function resultsOf(built: BuiltCase, spoil: (memory: WebAssembly.Memory) => void): Promise<unknown[]> {
  return withCpu(built, {}, async ({ engine, memories: [memory] }) => {
    const results: unknown[] = [];
    for (const [, call] of CALLS) {
      spoil(memory);
      results.push(await call(engine, built));
    }
    return results;
  });
}

for (const agreement of ALL_CASES) {
  Deno.test(`nothing is read from memory that no one wrote, and a call repeats to the byte: ${agreement.name}`, async () => {
    const built = buildCase(agreement);
    const clean = await resultsOf(built, () => {});
    const start = transientStart(built);
    for (const poison of POISONS) {
      const words = (memory: WebAssembly.Memory) => new Uint32Array(memory.buffer, start, POISONED_BYTES / 4);
      const poisoned = await resultsOf(built, (memory) => words(memory).fill(poison));
      CALLS.forEach(([name], c) => assert.deepEqual(poisoned[c], clean[c], `${name} after ${poison.toString(16)}`));
    }
    await withCpu(built, {}, async ({ engine, memories: [memory] }) => {
      const words = new Uint32Array(memory.buffer, start, POISONED_BYTES / 4).fill(POISONS[0]);
      for (const [, call] of CALLS) await call(engine, built);
      assert(words.subarray(-LAST_WORDS).every((word) => word === POISONS[0]), "poison more");
    });
  });
}
