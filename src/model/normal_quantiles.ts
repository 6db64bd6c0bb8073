import { exp } from "./elementary.ts";
import { erfc } from "./reference/erf.ts";

/** Numbers in the table: one for each value of 16 random bits. */
export const QUANTILES = 65536;

const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);
const ITERATIONS = 3;

let table: Float32Array | undefined;

/**
 * Φ⁻¹((i + ½)/65536) for each i [65536], single precision: 16 random bits become a standard normal number by looking them
 * up, the same bits on every back end. Odd about the middle, so that the mean is exactly 0; the variance is 0.99998,
 * the largest number 4.32. Made at the first call; do not write to it.
 */
export function normalQuantiles(): Float32Array {
  table ??= makeTable();
  return table;
}

function makeTable(): Float32Array {
  const made = new Float32Array(QUANTILES);
  let x = 0;
  for (let i = QUANTILES / 2; i < QUANTILES; i++) {
    // From the quantile before, by Halley's method on the upper tail.
    const tail = (QUANTILES - i - 0.5) / QUANTILES;
    for (let k = 0; k < ITERATIONS; k++) {
      const step = (tail - 0.5 * erfc(x / Math.SQRT2)) * ROOT_TWO_PI * exp(x * x / 2);
      x -= step / (1 + x * step / 2);
    }
    made[i] = x;
    made[QUANTILES - 1 - i] = -x;
  }
  return made;
}
