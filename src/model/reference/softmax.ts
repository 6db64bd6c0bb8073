import { exp } from "../elementary.ts";

/** Replaces the `count` scores at `at` by their softmax. */
export function softmaxRow(values: Float64Array, at: number, count: number): void {
  let largest = -Infinity;
  for (let b = 0; b < count; b++) largest = Math.max(largest, values[at + b]);
  let sum = 0;
  for (let b = 0; b < count; b++) {
    values[at + b] = exp(values[at + b] - largest);
    sum += values[at + b];
  }
  for (let b = 0; b < count; b++) values[at + b] /= sum;
}

/**
 * Backward of `softmaxRow`: `slopes[0 … count)` holds dL/da and becomes dL/dscore; `a` is the softmax at `at`. The
 * softmax's Jacobian is symmetric, so the same carries a tangent of the scores forward.
 */
export function softmaxRowBackward(a: Float64Array, at: number, slopes: Float64Array, count: number): void {
  let inner = 0;
  for (let b = 0; b < count; b++) inner += a[at + b] * slopes[b];
  for (let b = 0; b < count; b++) slopes[b] = a[at + b] * (slopes[b] - inner);
}
