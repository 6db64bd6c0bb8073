import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { tensorTable } from "../../src/model/tensors.ts";

const REPEATING = AGREEMENT_CASES.filter(({ config }) => config.halting === "repeat-k").map(buildCase);

const ENGINES: readonly (readonly [name: string, open: (config: ModelConfig) => Promise<Engine>])[] = [
  ["reference", (config) => Promise.resolve(new ReferenceEngine(config))],
  ["cpu", (config) => CpuEngine.open(config, { threads: 1 })],
];

async function withEngine<T>(
  open: typeof ENGINES[number][1],
  { state }: BuiltCase,
  config: ModelConfig,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await open(config);
  try {
    await engine.upload(state);
    return await use(engine);
  } finally {
    await engine.close();
  }
}

for (const [name, open] of ENGINES) {
  Deno.test(`${name}: repeat-k applies the block k times to every token, spends nothing and has no KL`, async () => {
    for (const built of REPEATING) {
      const { config, batch, settings } = built;
      await withEngine(open, built, config, async (engine) => {
        for (const want of ["everything", "logits"] as const) {
          const { haltingSteps } = await engine.predict(batch, { want, klScale: 1 });
          assert(haltingSteps.every((steps) => steps === config.repeat));
        }
        const { losses } = await engine.predict(batch, { want: "everything", klScale: 1 });
        assert.equal(losses?.klLoss, 0);
        for (const { stepProbabilities } of await engine.trace(batch)) {
          assert(stepProbabilities.every((p) => p === 0));
        }
        const { tokenSteps, klLoss } = await engine.trainStep(batch, settings);
        assert.equal(tokenSteps, config.repeat * batch.tokens.length);
        assert.equal(klLoss, 0);
      });
    }
  });

  Deno.test(`${name}: in repeat-k no halting unit has a gradient, and every other tensor has one`, async () => {
    for (const built of REPEATING) {
      const { config, batch, settings } = built;
      // A lone bin takes every token whole, so nothing before it has a gradient.
      if (config.numBins === 1) continue;
      const { gradient } = await withEngine(open, built, config, (engine) => engine.gradient(batch, settings));
      for (const spec of tensorTable(config).parameters) {
        const slopes = gradient.subarray(spec.offset, spec.offset + spec.size);
        const zero = slopes.every((slope) => slope === 0);
        assert.equal(zero, spec.name.startsWith("halting_fcs."), spec.name);
      }
    }
  });

  Deno.test(`${name}: the halting units' weights do not bear on repeat-k`, async () => {
    for (const built of REPEATING) {
      const { config, batch, settings, state } = built;
      const run = (engine: Engine) => engine.gradient(batch, settings);
      const before = await withEngine(open, built, config, run);
      const parameters = state.weights.parameters.slice();
      for (const { name, offset, size } of tensorTable(config).parameters) {
        if (name.startsWith("halting_fcs.")) parameters.fill(3, offset, offset + size);
      }
      const moved = { ...built, state: { ...state, weights: { ...state.weights, parameters } } };
      assert.deepEqual(await withEngine(open, moved, config, run), before);
    }
  });
}

Deno.test("repeat-k with k = L is soft halting whose probabilities all underflow", async () => {
  const found = AGREEMENT_CASES.find(({ haltingBias }) => haltingBias === -150);
  assert(found !== undefined);
  const built = buildCase(found);
  const logitsOf = (config: ModelConfig) =>
    withEngine(
      ENGINES[0][1],
      built,
      config,
      async (engine) => (await engine.predict(built.batch, { want: "everything", klScale: 1 })).logits,
    );
  const { maxLayers } = built.config;
  const soft = await logitsOf({ ...built.config, halting: "soft" });
  assert.deepEqual(await logitsOf({ ...built.config, halting: "repeat-k", repeat: maxLayers }), soft);
  assert.notDeepEqual(await logitsOf({ ...built.config, halting: "repeat-k", repeat: maxLayers - 1 }), soft);
});
