import assert from "node:assert/strict";
import { RESULT_FIELDS } from "../../kernels/header.ts";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { headerWord, withCpu } from "./cpu_harness.ts";

/** Applications of the block to a token that the last call computed, for each sequence. */
function applications(memory: WebAssembly.Memory, sequences: number): number[] {
  const fields = RESULT_FIELDS.length;
  const results = new Float64Array(memory.buffer, headerWord(memory, "results"), sequences * fields);
  return Array.from({ length: sequences }, (_, s) => results[s * fields + RESULT_FIELDS.indexOf("applications")]);
}

/** `value` of each sequence's slice of `steps`. */
function bySequence(
  { offsets, labels }: PackedBatch,
  steps: Uint8Array,
  value: (steps: Uint8Array) => number,
): number[] {
  return Array.from(labels, (_, s) => value(steps.subarray(offsets[s], offsets[s + 1])));
}

const sum = (steps: Uint8Array) => steps.reduce((total, count) => total + count, 0);
const casesIn = (mode: BuiltCase["config"]["halting"]) =>
  AGREEMENT_CASES.filter(({ config }) => config.halting === mode).map(buildCase);

Deno.test("in exit mode the block is applied to a token as often as its step count says, never more", async () => {
  let saved = 0;
  for (const built of casesIn("exit")) {
    const { batch, settings, config } = built;
    const sequences = batch.labels.length;
    await withCpu(built, {}, async ({ engine, memories: [memory] }) => {
      const { haltingSteps } = await engine.predict(batch, { want: "everything", klScale: 1 });
      assert.deepEqual(applications(memory, sequences), bySequence(batch, haltingSteps, sum));
      const { tokenSteps } = await engine.trainStep(batch, { ...settings, dropout: 0 });
      // The step's power iteration moves the weights a little, so its own count is compared.
      assert.equal(applications(memory, sequences).reduce((total, count) => total + count), tokenSteps);
      saved += config.maxLayers * batch.tokens.length - sum(haltingSteps);
    });
  }
  assert(saved > 0);
});

Deno.test("in soft mode every token is updated until the last one of its sequence has halted", async () => {
  let beyond = 0;
  for (const built of casesIn("soft")) {
    const { batch } = built;
    await withCpu(built, {}, async ({ engine, memories: [memory] }) => {
      const { haltingSteps } = await engine.predict(batch, { want: "everything", klScale: 1 });
      const wanted = bySequence(batch, haltingSteps, (steps) => steps.length * Math.max(...steps));
      assert.deepEqual(applications(memory, batch.labels.length), wanted);
      beyond += wanted.reduce((total, count) => total + count) - sum(haltingSteps);
    });
  }
  assert(beyond > 0);
});

Deno.test("in exit mode logits alone end with [CLS] and are the same bytes as those of the full run", async () => {
  let saved = 0;
  for (const built of casesIn("exit")) {
    const { batch } = built;
    const sequences = batch.labels.length;
    await withCpu(built, {}, async ({ engine, memories: [memory] }) => {
      const everything = await engine.predict(batch, { want: "everything", klScale: 1 });
      const full = applications(memory, sequences);
      const logits = await engine.predict(batch, { want: "logits", klScale: 1 });
      const short = applications(memory, sequences);
      assert.deepEqual(logits.logits, everything.logits);
      assert.equal(logits.losses, undefined);
      assert.deepEqual(short, bySequence(batch, logits.haltingSteps, sum));
      const ended = bySequence(batch, everything.haltingSteps, ([cls]) => cls);
      batch.labels.forEach((_, s) => {
        for (let i = batch.offsets[s]; i < batch.offsets[s + 1]; i++) {
          assert.equal(logits.haltingSteps[i], Math.min(ended[s], everything.haltingSteps[i]));
        }
        saved += full[s] - short[s];
      });
    });
  }
  assert(saved > 0);
});
