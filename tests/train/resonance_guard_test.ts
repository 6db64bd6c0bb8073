import assert from "node:assert/strict";
import fc from "fast-check";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { AdaptiveResonance, publishedNumbers, type SuppressionSettings } from "../../src/train/adaptive_resonance.ts";
import { autocorrelation, type Guard, lagCorrelation, permutationEntropy } from "../../src/train/resonance_guard.ts";

const near = (found: number, wanted: number, within = 1e-12) =>
  assert.ok(Math.abs(found - wanted) <= within, `${found}, wanted ${wanted}`);

const series = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 4, maxLength: 60 });

/** Ψ of the memo after 100 losses of `loss`. */
function memoPsi(guard: Guard, loss: (step: number) => number): number {
  const settings: SuppressionSettings = {
    ...publishedNumbers("memo", "original", guard),
    variant: "memo",
    layers: ["psi"],
    guard,
  };
  const machine = new AdaptiveResonance(settings, 1);
  return Array.from({ length: 100 }, (_, step) => machine.step(loss(step), step).psi).at(-1) ?? NaN;
}

const noise = new RandomStream(11, Purpose.suppression);
/** A loss that falls by 0.01 a step, with noise of deviation 0.046. */
const FALLING = Array.from({ length: 100 }, (_, step) => 2 - 0.01 * step + 0.046 * noise.normal());

Deno.test("known weakness: on a falling trend with noise the lag-1 guard gives a false alarm, the permutation guard none", () => {
  near(memoPsi("lag1", (step) => FALLING[step]), 0.05, 0.02);
  near(memoPsi("permutation", (step) => FALLING[step]), 0.95, 0.03);
});

Deno.test("known weakness: the lag-1 guard misses an oscillation of period four, the permutation guard sees it", () => {
  const oscillating = (step: number) => 1 + [0, 0.5, 0, -0.5][step % 4];
  near(lagCorrelation(Array.from({ length: 100 }, (_, step) => oscillating(step))), 0, 0.02);
  near(memoPsi("lag1", oscillating), 1, 0.001);
  near(memoPsi("permutation", oscillating), 0.44, 0.005);
});

Deno.test("correlations of short series are those computed by hand", () => {
  near(lagCorrelation([1, 2, 3, 4]), 1);
  near(lagCorrelation([1, -1, 1, -1]), -1);
  // Pairs (0, 1), (1, 0), (0, 2): means 1/3 and 1; Σ = −1, Σ² = 2/3 and 2.
  near(lagCorrelation([0, 1, 0, 2]), -1 / Math.sqrt(4 / 3));
  // Mean 3/4; products 3/4·(−1/4)… = −3/16 − 3/16 − 15/16, squares 9/16 + 1/16 + 9/16 + 25/16.
  near(autocorrelation([0, 1, 0, 2]), -21 / 44);
  assert.equal(lagCorrelation([3, 3, 3]), 0);
  assert.equal(autocorrelation([3, 3, 3]), 0);
});

Deno.test("the entropy of patterns is that computed by hand, and a series that only rises or falls counts as 1", () => {
  // Patterns of 1 3 2 4 5: two different ones.
  near(permutationEntropy([1, 3, 2, 4, 5]), Math.log(2) / Math.log(24));
  near(permutationEntropy([2, 1, 2, 1]), 0);
  for (const trend of [[1, 2, 3, 4, 9], [4, 3, 3, 1], [5, 5, 5, 5]]) assert.equal(permutationEntropy(trend), 1);
});

Deno.test("guards stay within their bounds, and neither shifting nor stretching the series changes the patterns", () => {
  fc.assert(fc.property(series, (values) => {
    for (const found of [lagCorrelation(values), autocorrelation(values)]) assert.ok(found >= -1 && found <= 1);
    const entropy = permutationEntropy(values);
    assert.ok(entropy >= 0 && entropy <= 1);
    // Powers of two, which round nothing away.
    assert.equal(permutationEntropy(values.map((value) => 4 * value)), entropy);
  }));
});
