import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { AGREEMENT_CASES, ALL_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { RunError } from "../../src/errors.ts";
import { paperCase, single, vanillaPaperCase, withCpu } from "./cpu_harness.ts";
import { compileTrappingAt, MODULE_WITH_UNKNOWN_IMPORT } from "./cpu_modules.ts";

/** Eleven sequences for four threads, and parameters for four AdamW tasks. */
const LENGTHS = [33, 1, 64, 9, 17, 8, 65, 2, 40, 31, 7];
const VOCABULARY = 9000;
const STEPS = 5;

/** Milliseconds; a process with a worker left would never end. */
const LONGEST_LIFE = 60_000;

function resultsOf(built: BuiltCase, threads: number): Promise<unknown> {
  const { batch, settings } = built;
  return withCpu(built, { threads }, async ({ engine }) => {
    const gradient = await engine.gradient(batch, settings);
    const prediction = await engine.predict(batch, { want: "everything", klScale: 1 });
    const logits = await engine.predict(batch, { want: "logits", klScale: 1 });
    const steps = [];
    for (let step = 0; step < STEPS; step++) steps.push(await engine.trainStep(batch, settings));
    return { gradient, prediction, logits, steps, state: await engine.download() };
  });
}

for (const mode of ["exit", "soft"] as const) {
  for (const binUpdateFrequency of [1, 3]) {
    Deno.test(`1, 2 and 4 threads give the same bytes: ${mode}, bins every ${binUpdateFrequency}`, async () => {
      const built = buildCase(paperCase(mode, LENGTHS, { vocabSize: VOCABULARY, binUpdateFrequency }));
      assert(built.settings.dropout > 0);
      const one = await resultsOf(built, 1);
      for (const threads of [2, 4]) assert.deepEqual(await resultsOf(built, threads), one, `${threads} threads`);
    });
  }
}

Deno.test("1, 2 and 4 threads give the same bytes: the vanilla model", async () => {
  const built = buildCase(vanillaPaperCase(LENGTHS, { vocabSize: VOCABULARY }));
  const one = await resultsOf(built, 1);
  for (const threads of [2, 4]) assert.deepEqual(await resultsOf(built, threads), one, `${threads} threads`);
});

Deno.test("a sequence alone gives the bytes that it gives in a batch", async () => {
  for (const built of ALL_CASES.map(buildCase)) {
    const { config: { numClasses }, batch } = built;
    const { offsets, labels } = batch;
    await withCpu(built, {}, async ({ engine }) => {
      for (const want of ["everything", "logits"] as const) {
        const together = await engine.predict(batch, { want, klScale: 1 });
        const traces = await engine.trace(batch);
        for (let s = 0; s < labels.length; s++) {
          const alone = await engine.predict(single(batch, s), { want, klScale: 1 });
          assert.deepEqual(alone.logits, together.logits.slice(s * numClasses, (s + 1) * numClasses));
          assert.deepEqual(alone.haltingSteps, together.haltingSteps.slice(offsets[s], offsets[s + 1]));
          assert.deepEqual(await engine.trace(single(batch, s)), [traces[s]]);
        }
      }
    });
  }
});

Deno.test("a kernel that fails is a RunError in every method, not a hang, and the engine goes on", async () => {
  const module = await compileTrappingAt(13);
  const bad = buildCase(paperCase("exit", [9, 13, 20, 5]));
  const good = buildCase(paperCase("exit", [9, 14, 20, 5])).batch;
  for (const threads of [1, 2]) {
    await withCpu(bad, { threads, numerics: "strict", module }, async ({ engine }) => {
      const before = await engine.download();
      const failed = (error: unknown) =>
        error instanceof RunError && /^Cannot finish.*: a kernel failed/.test(error.message);
      await assert.rejects(engine.trainStep(bad.batch, bad.settings), failed);
      await assert.rejects(engine.gradient(bad.batch, bad.settings), failed);
      await assert.rejects(engine.predict(bad.batch, { want: "logits", klScale: 1 }), failed);
      await assert.rejects(engine.trace(bad.batch), failed);
      await engine.upload(bad.state);
      assert.deepEqual(await engine.download(), before);
      const found = await engine.gradient(good, bad.settings);
      const wanted = await withCpu(bad, { numerics: "strict" }, (other) => other.engine.gradient(good, bad.settings));
      assert.deepEqual(found, wanted);
    });
  }
});

Deno.test("a worker that cannot start is a RunError", async () => {
  await assert.rejects(
    CpuEngine.open(AGREEMENT_CASES[0].config, { threads: 3, module: MODULE_WITH_UNKNOWN_IMPORT }),
    (error) => error instanceof RunError && /^Cannot start thread [12]: /.test(error.message),
  );
});

Deno.test("no worker outlives its engine: a process that closed it ends by itself", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(new URL("cpu_lifetime.ts", import.meta.url))],
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(LONGEST_LIFE),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
