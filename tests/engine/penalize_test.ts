import assert from "node:assert/strict";
import { ALL_CASES, buildCase } from "../../src/engine/cases.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { norm, tensorError, valueError } from "../../src/model/golden.ts";
import { Retention } from "../../src/train/retention.ts";
import { TOLERANCES } from "../../src/engine/verification.ts";
import { ENGINES } from "./engines.ts";

const STEPS = 3;
const PENALTY = { strength: 20, gamma: 2, at: 0, batches: 1, directions: 2 };

/** One small case of each model. */
for (const seed of ["seed 7", "seed 206"]) {
  const agreement = ALL_CASES.find(({ name }) => name.endsWith(` ${seed}`));
  assert.ok(agreement !== undefined);
  const { config, state, batch, settings: base } = buildCase(agreement);
  // Weight decay drives away from the anchor.
  const settings = { ...base, clipGradNorm: 10, epsilon: 1e-2, weightDecay: 2, learningRate: 0.02 };

  /** A few steps behind an anchor, and one without its penalty: weights, gradient norms and penalties. */
  const train = async (engine: Engine, penalty = PENALTY) => {
    await engine.upload(state);
    const retention = new Retention(penalty);
    await retention.setAnchor(engine, [batch], settings);
    const numbers: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const { gradNorm, updated } = await engine.trainStep(batch, settings, {
        penalize: (parameters, gradient) => retention.penalize(parameters, gradient),
        updated: (parameters) => retention.updated(parameters),
      });
      assert.ok(updated);
      numbers.push(gradNorm, retention.loss);
    }
    numbers.push((await engine.trainStep(batch, settings)).gradNorm);
    const { weights, optimizer } = await engine.download();
    return { numbers, parameters: Float64Array.from(weights.parameters), step: optimizer.step };
  };

  for (const { name, open, tolerance, ignore } of ENGINES) {
    Deno.test({
      name: `${name} holds on to weights as the reference does: ${agreement.name}`,
      ignore,
      fn: async () => {
        const reference = new ReferenceEngine(config);
        const wanted = await train(reference);
        const free = await train(reference, { ...PENALTY, strength: 0, gamma: 0 });
        const errorOf = (found: typeof wanted) =>
          tensorError(found.parameters, wanted.parameters, norm(wanted.parameters));
        const effect = errorOf(free);
        assert.ok(effect > TOLERANCES.float32, "the penalty does nothing here");
        const engine = await open(config);
        try {
          const found = await train(engine);
          assert.ok(
            errorOf(found) <= Math.min(tolerance, effect / 2),
            `${errorOf(found)}, the penalty's effect is ${effect}`,
          );
          assert.equal(found.step, wanted.step);
          found.numbers.forEach((value, k) => {
            const error = valueError(value, wanted.numbers[k]);
            assert.ok(error <= Math.max(1e-3, tolerance), `number ${k}: ${value}, not ${wanted.numbers[k]}`);
          });
          // Anew on the same engine: nothing of the replaced gradient is left.
          assert.deepEqual(await train(engine), found);
        } finally {
          await engine.close();
        }
      },
    });
  }
}
