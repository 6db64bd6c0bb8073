import { square } from "../elementary.ts";
import type { NoisePower, StateNoise } from "../noise.ts";

/** Mean of x² over the d features at `at`. */
function meanSquare(x: Float64Array, at: number, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += x[at + j] * x[at + j] / d;
  return sum;
}

/** The input of step t: x + g·rms(x)·ε for each token with `updated`, x itself [n × d] where the step gets no noise. */
export function withNoise(noise: StateNoise, x: Float64Array, updated: Uint8Array, t: number): Float64Array {
  if (!noise.reaches(t)) return x;
  const d = x.length / updated.length;
  const epsilon = new Float64Array(d);
  const noisy = x.slice();
  updated.forEach((one, i) => {
    if (one === 0) return;
    noise.fill(epsilon, i, t);
    const deviation = noise.gain * Math.sqrt(meanSquare(x, i * d, d));
    for (let j = 0; j < d; j++) noisy[i * d + j] += deviation * epsilon[j];
  });
  return noisy;
}

/**
 * Backward of `withNoise`: `dx` [n × d] is the gradient of the noisy input and becomes that of x, rms included:
 * dx ← dx + g·(dx·ε)·x / (d·rms(x)). At x = 0, where rms has no slope, nothing is added.
 */
export function withNoiseBackward(
  noise: StateNoise,
  x: Float64Array,
  updated: Uint8Array,
  t: number,
  dx: Float64Array,
): void {
  if (!noise.reaches(t)) return;
  const d = x.length / updated.length;
  const epsilon = new Float64Array(d);
  updated.forEach((one, i) => {
    const rms = Math.sqrt(meanSquare(x, i * d, d));
    if (one === 0 || rms === 0) return;
    noise.fill(epsilon, i, t);
    let slope = 0;
    for (let j = 0; j < d; j++) slope += dx[i * d + j] * epsilon[j];
    for (let j = 0; j < d; j++) dx[i * d + j] += noise.gain * slope * x[i * d + j] / (d * rms);
  });
}

/** How much noise `withNoise` adds over all steps, step t's input being `inputs[t]`. */
export function noisePower(
  noise: StateNoise,
  inputs: readonly { readonly x: Float64Array; readonly updated: Uint8Array }[],
): NoisePower {
  let power = 0;
  let tokens = 0;
  inputs.forEach(({ x, updated }, t) => {
    if (!noise.reaches(t)) return;
    const d = x.length / updated.length;
    updated.forEach((one, i) => {
      power += one * square(noise.gain) * meanSquare(x, i * d, d);
      tokens += one;
    });
  });
  return { power, tokens };
}
