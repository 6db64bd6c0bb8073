import { normalQuantiles } from "./normal_quantiles.ts";
import { pcg4d, Purpose, type Words } from "./random.ts";

/** The key of the noise on the gradient of optimizer step `step`, counted from 0. */
export function gradientNoiseKey(seed: number, step: number): readonly [number, number] {
  const [key0, key1] = pcg4d(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, Purpose.gradient, step >>> 0);
  return [key0, key1];
}

/**
 * Adds normal noise of standard deviation `deviation` to every value of `gradient` [parameters], in place. Element e of
 * optimizer step `step` takes the quantile of 16 random bits, as `StateNoise` does: word `(e >> 1) & 3`, low half first,
 * of `pcg4d(key0, key1, e >> 3, 0)`. The same bits in singles and doubles, but for the rounding of the sum.
 */
export function addGradientNoise(
  gradient: Float32Array | Float64Array,
  deviation: number,
  seed: number,
  step: number,
): void {
  if (deviation === 0) return;
  const quantiles = normalQuantiles();
  const [key0, key1] = gradientNoiseKey(seed, step);
  const words: Words = [0, 0, 0, 0];
  for (let e = 0; e < gradient.length; e++) {
    if ((e & 7) === 0) pcg4d(key0, key1, e >>> 3, 0, words);
    const word = words[(e >> 1) & 3];
    gradient[e] += deviation * quantiles[(e & 1) === 0 ? word & 0xffff : word >>> 16];
  }
}
