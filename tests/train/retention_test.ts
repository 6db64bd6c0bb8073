import assert from "node:assert/strict";
import fc from "fast-check";
import { buildCase, NOISY_CASES } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { fisherInformation, Retention, type RetentionSettings, SafeSubspace } from "../../src/train/retention.ts";

const SETTINGS: RetentionSettings = { strength: 2, gamma: 0.7, at: 3, batches: 1, directions: 2 };
const near = (found: number, wanted: number, within = 1e-12) =>
  assert.ok(Math.abs(found - wanted) <= within, `${found}, wanted ${wanted}`);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, e) => sum + value * b[e], 0);

const vector = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 })
  .map((values) => Float64Array.from(values));

Deno.test("the directions of the safe subspace are orthonormal and at most as many as asked for", () => {
  fc.assert(fc.property(fc.array(vector, { maxLength: 20 }), fc.integer({ min: 0, max: 3 }), (updates, most) => {
    const safe = new SafeSubspace(most);
    for (const update of updates) safe.learn(update.slice());
    const { directions } = safe;
    assert.ok(directions.length <= most);
    directions.forEach((a, i) => directions.forEach((b, j) => near(dot(a, b), i === j ? 1 : 0, 1e-8)));
    const rest = Float64Array.of(1, 2, 3, 4);
    safe.removeFrom(rest);
    for (const direction of directions) near(dot(rest, direction), 0, 1e-7);
  }));
});

Deno.test("the subspace turns to the direction in which the updates go on", () => {
  const stream = new RandomStream(3, Purpose.suppression);
  const safe = new SafeSubspace(1);
  // The first update points elsewhere, the later ones along (3, 4)/5, with noise.
  safe.learn(Float64Array.of(1, 0, 0));
  for (let step = 0; step < 400; step++) {
    const sign = step % 2 === 0 ? 1 : -1;
    const noise = () => 0.3 * stream.normal();
    safe.learn(Float64Array.of(noise(), 3 * sign + noise(), 4 * sign + noise()));
  }
  const [direction] = safe.directions;
  assert.ok(Math.abs(dot(direction, [0, 0.6, 0.8])) > 0.99, direction.join());
});

/** A penalty whose anchor, Fisher information and directions are set by hand. */
function penaltyAt(settings: RetentionSettings): Retention {
  return new Retention(settings, {
    anchor: Float64Array.of(1, -1, 0.5, 2),
    fisher: Float64Array.of(0.5, 0, 3, 1),
    "direction.0": Float64Array.of(0.6, 0.8, 0, 0),
    "direction.1": Float64Array.of(0, 0, 1, 0),
  });
}

Deno.test("the penalty is the one computed by hand, and its gradient agrees with differences", () => {
  const weights = Float64Array.of(2, 1, 0, 2.5);
  const retention = penaltyAt(SETTINGS);
  const gradient = new Float64Array(4).fill(10);
  retention.penalize(weights, gradient);
  // ΔW = (1, 2, −½, ½); Σ Ω ΔW² = ½ + ¾ + ¼; (I − P) ΔW = (1 − 1.32, 2 − 1.76, 0, ½).
  near(retention.loss, 0.5 * 2 * 1.5 + 0.7 * (0.32 * 0.32 + 0.24 * 0.24 + 0.25));
  for (let e = 0; e < 4; e++) {
    const at = (shift: number) => {
      const moved = weights.slice();
      moved[e] += shift;
      const one = penaltyAt(SETTINGS);
      one.penalize(moved, new Float64Array(4));
      return one.loss;
    };
    near(gradient[e] - 10, (at(1e-5) - at(-1e-5)) / 2e-5, 1e-8);
  }
});

Deno.test("before the anchor, and at it, nothing is penalized", () => {
  const retention = new Retention(SETTINGS);
  const gradient = new Float64Array(4).fill(1);
  retention.penalize(Float64Array.of(1, 2, 3, 4), gradient);
  assert.deepEqual([gradient, retention.loss], [new Float64Array(4).fill(1), 0]);
  assert.deepEqual([2, 3, 4].filter((step) => retention.isDue(step)), [3]);
  const anchored = penaltyAt(SETTINGS);
  anchored.penalize(Float64Array.of(1, -1, 0.5, 2), gradient);
  assert.deepEqual([gradient, anchored.loss], [new Float64Array(4).fill(1), 0]);
  assert.ok(!anchored.isDue(3));
});

Deno.test("the Fisher information is the mean of each review's squared gradient, without dropout", async () => {
  const found = NOISY_CASES.find(({ name }) => name.endsWith("seed 43"));
  assert.ok(found !== undefined);
  const { config, state, batch, settings } = buildCase(found);
  const engine = new ReferenceEngine(config);
  await engine.upload(state);
  const fisher = await fisherInformation(engine, [batch], settings);
  const single = (s: number): PackedBatch => ({
    tokens: batch.tokens.slice(batch.offsets[s], batch.offsets[s + 1]),
    offsets: Uint32Array.of(0, batch.offsets[s + 1] - batch.offsets[s]),
    labels: batch.labels.slice(s, s + 1),
  });
  const quiet = { klScale: settings.klScale, dropout: 0, seed: 0 };
  const gradients = [await engine.gradient(single(0), quiet), await engine.gradient(single(1), quiet)];
  fisher.forEach((value, e) => near(value, (gradients[0].gradient[e] ** 2 + gradients[1].gradient[e] ** 2) / 2, 1e-15));
  assert.ok(fisher.some((value) => value > 0));
});
