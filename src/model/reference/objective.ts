import type { ModelConfig } from "../config.ts";
import { exp, log, log1p } from "../elementary.ts";
import type { Halting, HaltingGradient } from "./halting.ts";

/** Probabilities below this enter a logarithm as this (spec §2). */
const LOG_CLAMP = 1e-9;

/**
 * Added to the target mean before g = 1/mean. Spec §2 leaves it out, the golden values contain it (their KL differs by
 * 4e-10 without); it also keeps the prior's logarithm finite for a target mean of 1.
 */
const MEAN_OFFSET = 1e-8;

/** Logarithm clamped at 1e-9. */
function clampedLog(value: number): number {
  return log(Math.max(value, LOG_CLAMP));
}

/** d/dP of P · clampedLog(P): below the clamp only the factor outside the logarithm counts. */
function clampedEntropySlope(value: number): number {
  return clampedLog(value) + (value >= LOG_CLAMP ? 1 : 0);
}

/** log Q of the truncated geometric prior over L + 1 outcomes, "never halts" last (spec §2). */
export function logPrior({ maxLayers: L, targetHaltingMean }: ModelConfig): Float64Array {
  const g = 1 / (targetHaltingMean + MEAN_OFFSET);
  const logarithms = Float64Array.from({ length: L + 1 }, (_, t) => t * log1p(-g) + (t < L ? log(g) : 0));
  const sum = logarithms.reduce((total, logQ) => total + exp(logQ), 0);
  return logarithms.map((logQ) => logQ - log(sum));
}

/** −log softmax(logits)[label]; `slopes` [classes] receives its gradient with respect to the logits. */
export function crossEntropy(logits: Float64Array, label: number, slopes: Float64Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const logit of logits) sum += exp(logit - largest);
  for (let c = 0; c < logits.length; c++) {
    slopes[c] = exp(logits[c] - largest) / sum - (c === label ? 1 : 0);
  }
  return log(sum) - (logits[label] - largest);
}

/** Σ over the tokens of KL(P‖Q), P = (p_1 … p_L, max(0, 1 − Σp)) (spec §2); 0 where no token ever halts. */
export function haltingDivergence({ halts, probabilities, remainder }: Halting, logQ: Float64Array): number {
  if (!halts) return 0;
  const n = remainder.length;
  const L = probabilities.length / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let t = 0; t < L; t++) {
      const p = probabilities[i * L + t];
      sum += p * (clampedLog(p) - logQ[t]);
    }
    sum += remainder[i] * (clampedLog(remainder[i]) - logQ[L]);
  }
  return sum;
}

/** Gradient of `factor · haltingDivergence`; the last outcome's goes to the remainder, which is 1 − Σp. */
export function haltingDivergenceBackward(
  { probabilities, remainder }: Halting,
  logQ: Float64Array,
  factor: number,
): HaltingGradient {
  const n = remainder.length;
  const L = probabilities.length / n;
  return {
    probabilities: probabilities.map((p, e) => factor * (clampedEntropySlope(p) - logQ[e % L])),
    remainder: remainder.map((r) => factor * (clampedEntropySlope(r) - logQ[L])),
  };
}

/** Σ over heads, tokens and bins of a log a: the negative of the assignments' entropies, summed (spec §2). */
export function negativeEntropy(assignment: Float64Array): number {
  let sum = 0;
  for (const a of assignment) sum += a * clampedLog(a);
  return sum;
}

/** Gradient of `factor · negativeEntropy` [as the assignment]. */
export function negativeEntropyBackward(assignment: Float64Array, factor: number): Float64Array {
  return assignment.map((a) => factor * clampedEntropySlope(a));
}
