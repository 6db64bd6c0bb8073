import { pow } from "../elementary.ts";

/** Constants of one AdamW update (spec §2, "Optimizer"). */
export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Added to the norm before dividing, as PyTorch's `clip_grad_norm_` does. */
const NORM_OFFSET = 1e-6;

/** Euclidean norm over all elements. */
export function globalNorm(gradient: Float64Array): number {
  let squares = 0;
  for (const value of gradient) squares += value * value;
  return Math.sqrt(squares);
}

/** Factor that clips a gradient of norm `norm` to `limit`, as `clip_grad_norm_` computes it; 1 when `limit` is 0. */
export function clipFactor(norm: number, limit: number): number {
  return limit === 0 ? 1 : Math.min(1, limit / (norm + NORM_OFFSET));
}

/** One AdamW update in place, decoupled decay on every parameter; `step` counts updates from 1. All slabs [parameters]. */
export function adamW(
  parameters: Float64Array,
  gradient: Float64Array,
  firstMoment: Float64Array,
  secondMoment: Float64Array,
  step: number,
  { learningRate, beta1, beta2, epsilon, weightDecay }: AdamWSettings,
): void {
  const correction1 = 1 - pow(beta1, step);
  const correction2 = 1 - pow(beta2, step);
  for (let e = 0; e < parameters.length; e++) {
    firstMoment[e] = beta1 * firstMoment[e] + (1 - beta1) * gradient[e];
    secondMoment[e] = beta2 * secondMoment[e] + (1 - beta2) * gradient[e] * gradient[e];
    const direction = firstMoment[e] / correction1 / (Math.sqrt(secondMoment[e] / correction2) + epsilon);
    parameters[e] -= learningRate * (direction + weightDecay * parameters[e]);
  }
}
