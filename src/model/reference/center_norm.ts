import type { NormTensors } from "./tensors.ts";

/** y = γ ⊙ √(d/(d−1)) · (x − mean(x)) + β for one row of d features at `at` (spec §1). */
export function centerNormRow({ gamma, beta }: NormTensors, x: Float64Array, y: Float64Array, at: number): void {
  const d = gamma.length;
  const scale = Math.sqrt(d / (d - 1));
  let mean = 0;
  for (let j = 0; j < d; j++) mean += x[at + j] / d;
  for (let j = 0; j < d; j++) y[at + j] = gamma[j] * scale * (x[at + j] - mean) + beta[j];
}

/** Forward derivative of `centerNormRow`, which is affine: the tangent dx gives dy, both rows at `at`. */
export function centerNormTangentRow({ gamma }: NormTensors, dx: Float64Array, dy: Float64Array, at: number): void {
  const d = gamma.length;
  const scale = Math.sqrt(d / (d - 1));
  let mean = 0;
  for (let j = 0; j < d; j++) mean += dx[at + j] / d;
  for (let j = 0; j < d; j++) dy[at + j] = gamma[j] * scale * (dx[at + j] - mean);
}

/** Backward of `centerNormRow`: adds to γ's, β's and x's gradients. */
export function centerNormRowBackward(
  { gamma }: NormTensors,
  gradient: NormTensors,
  x: Float64Array,
  dy: Float64Array,
  dx: Float64Array,
  at: number,
): void {
  const d = gamma.length;
  const scale = Math.sqrt(d / (d - 1));
  let mean = 0;
  let slopeMean = 0;
  for (let j = 0; j < d; j++) {
    mean += x[at + j] / d;
    slopeMean += gamma[j] * dy[at + j] / d;
  }
  for (let j = 0; j < d; j++) {
    gradient.gamma[j] += dy[at + j] * scale * (x[at + j] - mean);
    gradient.beta[j] += dy[at + j];
    dx[at + j] += scale * (gamma[j] * dy[at + j] - slopeMean);
  }
}
