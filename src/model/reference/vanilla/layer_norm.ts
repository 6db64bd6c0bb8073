import { square } from "../../elementary.ts";
import type { NormTensors } from "../tensors.ts";

/** Added to the variance (spec §4). */
const EPSILON = 1e-5;

interface Moments {
  readonly mean: number;
  /** 1/√(variance + ε), the variance over d. */
  readonly inverse: number;
}

function moments(h: Float64Array, at: number, d: number): Moments {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += h[at + j];
  const mean = sum / d;
  let squares = 0;
  for (let j = 0; j < d; j++) squares += square(h[at + j] - mean);
  return { mean, inverse: 1 / Math.sqrt(squares / d + EPSILON) };
}

/** x[at …] = γ ⊙ (h − mean(h)) / √(var(h) + ε) + β for one row of d features. */
export function layerNormRow({ gamma, beta }: NormTensors, h: Float64Array, at: number, x: Float64Array): void {
  const d = gamma.length;
  const { mean, inverse } = moments(h, at, d);
  for (let j = 0; j < d; j++) x[at + j] = gamma[j] * (h[at + j] - mean) * inverse + beta[j];
}

/** Backward of `layerNormRow`: adds to the gradients of γ, β and to dh[at …]. */
export function layerNormRowBackward(
  { gamma }: NormTensors,
  gradient: NormTensors,
  h: Float64Array,
  at: number,
  dx: Float64Array,
  dh: Float64Array,
): void {
  const d = gamma.length;
  const { mean, inverse } = moments(h, at, d);
  let sum = 0;
  let product = 0;
  for (let j = 0; j < d; j++) {
    const normalized = (h[at + j] - mean) * inverse;
    const slope = gamma[j] * dx[at + j];
    gradient.gamma[j] += dx[at + j] * normalized;
    gradient.beta[j] += dx[at + j];
    sum += slope;
    product += slope * normalized;
  }
  for (let j = 0; j < d; j++) {
    const normalized = (h[at + j] - mean) * inverse;
    dh[at + j] += inverse * (gamma[j] * dx[at + j] - sum / d - normalized * product / d);
  }
}
