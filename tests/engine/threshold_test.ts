import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { TOLERANCES } from "../../src/engine/verification.ts";
import { UsageError } from "../../src/errors.ts";
import { tensorError } from "../../src/model/golden.ts";
import { haltingMargin } from "../model/halting_margin.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

const THRESHOLDS = [1e-6, 0.2, 0.5, 0.9, 0.999];

/** Float32 arithmetic is off by about 1e-6 in a probability; closer decisions may fall either way. */
const SAFE_MARGIN = 1e-5;

const casesIn = (mode: BuiltCase["config"]["halting"]) =>
  AGREEMENT_CASES.filter(({ config }) => config.halting === mode).map(buildCase);

async function reference({ config, state }: BuiltCase): Promise<ReferenceEngine> {
  const engine = new ReferenceEngine(config);
  await engine.upload(state);
  return engine;
}

const total = (steps: Uint8Array) => steps.reduce((sum, count) => sum + count, 0);

Deno.test("in soft mode a threshold halts a token at the first step where 1 − r reaches it", async () => {
  for (const built of casesIn("soft")) {
    const engine = await reference(built);
    const { batch, config: { maxLayers: L } } = built;
    // Up to a token's own halt the states of soft mode do not depend on the threshold.
    const traces = await engine.trace(batch);
    for (const threshold of THRESHOLDS) {
      const { haltingSteps } = await engine.predict(batch, {
        want: "everything",
        klScale: 1,
        haltThreshold: threshold,
      });
      traces.forEach(({ stepProbabilities }, s) => {
        for (let i = 0; i < batch.offsets[s + 1] - batch.offsets[s]; i++) {
          let remainder = 1, steps = L;
          for (let t = L - 1; t >= 0; t--) {
            remainder = 1;
            for (let before = 0; before <= t; before++) remainder -= stepProbabilities[i * L + before];
            if (1 - remainder >= threshold) steps = t + 1;
          }
          assert.equal(haltingSteps[batch.offsets[s] + i], steps, `sequence ${s}, token ${i}, threshold ${threshold}`);
        }
      });
    }
  }
});

Deno.test("the CPU engine agrees with the reference within 1e-4 at every threshold", async () => {
  let compared = 0, cheaper = 0;
  for (const built of [...casesIn("exit"), ...casesIn("soft")]) {
    const { config, state, batch } = built;
    const wanted = await reference(built);
    const engine = await CpuEngine.open(config, { threads: 1 });
    try {
      await engine.upload(state);
      for (const haltThreshold of THRESHOLDS) {
        if (haltingMargin(config, state.weights, batch, 0, 0, 0, haltThreshold) < SAFE_MARGIN) continue;
        for (const want of ["everything", "logits"] as const) {
          const settings = { want, klScale: 0.7, haltThreshold };
          const [found, expected] = [await engine.predict(batch, settings), await wanted.predict(batch, settings)];
          assert.deepEqual(found.haltingSteps, expected.haltingSteps);
          assert(tensorError(found.logits, expected.logits, 0) <= TOLERANCES.float32);
          for (const name of ["taskLoss", "klLoss", "entropyLoss"] as const) {
            const [own, other] = [found.losses?.[name] ?? 0, expected.losses?.[name] ?? 0];
            assert(Math.abs(own - other) <= TOLERANCES.float32 * Math.max(Math.abs(other), 1e-3), `${name}: ${own}`);
          }
          compared++;
          const usual = await engine.predict(batch, { want, klScale: 0.7 });
          if (total(found.haltingSteps) < total(usual.haltingSteps)) cheaper++;
        }
      }
    } finally {
      await engine.close();
    }
  }
  assert(compared > 150 && cheaper > 60, `${compared} compared, ${cheaper} cheaper`);
});

Deno.test({
  name: "the GPU agrees with the reference within 1e-4 at thresholds of 0.3 and 0.8, and forgets them",
  ignore: !TEST_GPU,
  fn: async () => {
    let compared = 0;
    for (const built of (["exit", "soft"] as const).flatMap((mode) => casesIn(mode).slice(0, 2))) {
      const { config, state, batch } = built;
      const wanted = await reference(built);
      const engine = await GpuEngine.open(config);
      try {
        await engine.upload(state);
        const settings = { want: "everything", klScale: 0.7 } as const;
        const usual = await engine.predict(batch, settings);
        for (const haltThreshold of [0.3, 0.8]) {
          if (haltingMargin(config, state.weights, batch, 0, 0, 0, haltThreshold) < SAFE_MARGIN) continue;
          const found = await engine.predict(batch, { ...settings, haltThreshold });
          const expected = await wanted.predict(batch, { ...settings, haltThreshold });
          assert.deepEqual(found.haltingSteps, expected.haltingSteps);
          assert(tensorError(found.logits, expected.logits, 0) <= TOLERANCES.float32);
          compared++;
        }
        assert.deepEqual(await engine.predict(batch, settings), usual);
        await assert.rejects(engine.predict(batch, { ...settings, haltThreshold: NaN }), UsageError);
      } finally {
        await engine.close();
      }
    }
    assert(compared >= 4, `${compared} compared`);
  },
});

Deno.test("a threshold of 1 is the usual one to the byte, and it does not outlast its call", async () => {
  for (const mode of ["exit", "soft"] as const) {
    const built = casesIn(mode)[0];
    for (const engine of [await reference(built), await CpuEngine.open(built.config, { threads: 1 })]) {
      try {
        await engine.upload(built.state);
        const settings = { want: "everything", klScale: 1 } as const;
        const usual = await engine.predict(built.batch, settings);
        assert.deepEqual(await engine.predict(built.batch, { ...settings, haltThreshold: 1 }), usual);
        const early = await engine.predict(built.batch, { ...settings, haltThreshold: 1e-6 });
        assert(early.haltingSteps.every((steps) => steps === 1));
        assert.deepEqual(await engine.predict(built.batch, settings), usual);
        const gradient = await engine.gradient(built.batch, built.settings);
        await engine.predict(built.batch, { ...settings, haltThreshold: 0.3 });
        assert.deepEqual(await engine.gradient(built.batch, built.settings), gradient);
      } finally {
        await engine.close();
      }
    }
  }
});

Deno.test("a threshold out of range is a UsageError", async () => {
  const built = casesIn("exit")[0];
  for (const engine of [await reference(built), await CpuEngine.open(built.config, { threads: 1 })]) {
    try {
      for (const haltThreshold of [0, -1, 1.5, NaN, Infinity]) {
        const settings = { want: "logits", klScale: 1, haltThreshold } as const;
        await assert.rejects(engine.predict(built.batch, settings), UsageError);
      }
    } finally {
      await engine.close();
    }
  }
});
