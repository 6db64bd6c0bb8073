import assert from "node:assert/strict";
import { dropoutKey } from "../../src/model/dropout.ts";
import { NO_NOISE, StateNoise } from "../../src/model/noise.ts";
import { normalQuantiles, QUANTILES } from "../../src/model/normal_quantiles.ts";
import { erfc } from "../../src/model/reference/erf.ts";
import { withNoise, withNoiseBackward } from "../../src/model/reference/noise.ts";

const FEATURES = 24;
const TOKENS = 4000;

function draws(seed: number, t: number, features = FEATURES): Float64Array {
  const noise = new StateNoise(dropoutKey(seed, 7, 3), { site: "state", gain: 1 });
  const all = new Float64Array(features * TOKENS);
  for (let i = 0; i < TOKENS; i++) noise.fill(all.subarray(i * features, (i + 1) * features), i, t);
  return all;
}

Deno.test("the quantiles are those of the normal distribution, odd and ascending", () => {
  const table = normalQuantiles();
  assert.equal(table.length, QUANTILES);
  for (let i = 0; i < QUANTILES; i++) {
    assert.equal(table[i], -table[QUANTILES - 1 - i]);
    if (i > 0) assert.ok(table[i] > table[i - 1]);
  }
  for (let i = 0; i < QUANTILES; i += 97) {
    const p = 0.5 * erfc(-table[i] / Math.SQRT2);
    // Half a unit in the last place of the quantile, times the density.
    assert.ok(Math.abs(p - (i + 0.5) / QUANTILES) <= 2 ** -24 * Math.abs(table[i]) * 0.4 + 1e-13, `${i}: ${p}`);
  }
  const variance = table.reduce((sum, value) => sum + value * value, 0) / QUANTILES;
  assert.ok(Math.abs(variance - 0.99998) < 1e-6, `${variance}`);
});

Deno.test("noise has mean 0 and deviation 1, and no step, sequence, token or feature repeats another", () => {
  const base = draws(5, 1);
  const mean = base.reduce((sum, value) => sum + value, 0) / base.length;
  const variance = base.reduce((sum, value) => sum + value * value, 0) / base.length;
  assert.ok(Math.abs(mean) <= 5 / Math.sqrt(base.length), `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) <= 5 * Math.sqrt(2 / base.length), `variance ${variance}`);
  const others = [draws(5, 2), draws(6, 1), Float64Array.from([...base.subarray(1), base[0]])];
  others.push(Float64Array.from([...base.subarray(FEATURES), ...base.subarray(0, FEATURES)]));
  for (const [number, other] of others.entries()) {
    const correlation = base.reduce((sum, value, e) => sum + value * other[e], 0) / base.length;
    assert.ok(Math.abs(correlation) <= 5 / Math.sqrt(base.length), `pair ${number}: ${correlation}`);
  }
});

Deno.test("noise reaches the input of step 0 at site embedding, of every later step at site state, and none at gain 0", () => {
  const reached = (site: "embedding" | "state", gain: number) =>
    [0, 1, 63].filter((t) => new StateNoise([1, 2], { site, gain }).reaches(t));
  assert.deepEqual(reached("embedding", 0.1), [0]);
  assert.deepEqual(reached("state", 0.1), [1, 63]);
  assert.deepEqual(reached("state", 0), []);
  assert.ok(![0, 1].some((t) => NO_NOISE.reaches(t)));
});

Deno.test("noise is a share of each token's root mean square, for the tokens that a step updates", () => {
  const noise = new StateNoise([9, 4], { site: "state", gain: 0.25 });
  const x = Float64Array.of(3, -4, 0, 0, 30, -40);
  const found = withNoise(noise, x, Uint8Array.of(1, 1, 0), 2);
  const epsilon = new Float64Array(2);
  noise.fill(epsilon, 0, 2);
  const rms = Math.sqrt(12.5);
  const wanted = [3 + 0.25 * rms * epsilon[0], -4 + 0.25 * rms * epsilon[1], 0, 0, 30, -40];
  found.forEach((value, e) => assert.ok(Math.abs(value - wanted[e]) < 1e-14));
  assert.equal(withNoise(noise, x, Uint8Array.of(1, 1, 1), 0), x);
});

Deno.test("the way back through noise agrees with differences, that of the root mean square included", () => {
  const noise = new StateNoise([9, 4], { site: "state", gain: 0.7 });
  const x = Float64Array.of(0.3, -0.4, 1.1, 0.2, 0.9, -2, 0, 0, 0);
  const updated = Uint8Array.of(1, 0, 1);
  const cotangent = Float64Array.of(0.5, -1, 2, 1, 2, 3, -1, 0.5, 4);
  const dx = cotangent.slice();
  withNoiseBackward(noise, x, updated, 3, dx);
  for (let e = 0; e < 6; e++) {
    const at = (shift: number) => {
      const moved = x.slice();
      moved[e] += shift;
      return withNoise(noise, moved, updated, 3).reduce((sum, value, j) => sum + value * cotangent[j], 0);
    };
    const difference = (at(1e-5) - at(-1e-5)) / 2e-5;
    assert.ok(Math.abs(dx[e] - difference) < 1e-9, `${e}: ${dx[e]}, ${difference}`);
  }
  assert.deepEqual(dx.subarray(6), cotangent.subarray(6), "at a state of zeros the root mean square has no slope");
});
