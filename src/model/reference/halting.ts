import type { ModelConfig } from "../config.ts";
import { exp } from "../elementary.ts";
import { type Range, real, requireInRange } from "../range.ts";
import type { LinearLayer } from "./linear.ts";

/** θ: a token halts when it has spent this much of its probability, 1 − r ≥ θ (spec §1). */
export const HALT_THRESHOLD = 1 - 1e-6;

/** Values of θ that inference may be asked for; those above `HALT_THRESHOLD` count as it. */
export const HALT_THRESHOLDS: Range = real(1e-6, 1);

/** The θ to compute with where `asked` was asked for; throws UsageError outside `HALT_THRESHOLDS`. */
export function haltThreshold(asked: number | undefined): number {
  if (asked === undefined) return HALT_THRESHOLD;
  requireInRange("the halting threshold", asked, HALT_THRESHOLDS);
  return Math.min(asked, HALT_THRESHOLD);
}

/** How the tokens of one sequence spend their probability over the steps (spec §1, "Halting"). */
export interface Halting {
  /** False in mode `repeat-k`: nothing is spent, r stays 1. */
  readonly halts: boolean;
  /** p_t [n × L]; 0 for steps after a token's halt. */
  readonly probabilities: Float64Array;
  /** 1 where p_t was the whole remainder, not the sigmoid [n × L]. */
  readonly capped: Uint8Array;
  /** r [n], after the steps so far. */
  readonly remainder: Float64Array;
  /** Block applications so far [n]. */
  readonly steps: Uint8Array;
  /** 1 for a token that has not halted [n]. */
  readonly active: Uint8Array;
}

/** The state before the first step: nothing spent, every token active. */
export function startHalting(n: number, { maxLayers, halting }: ModelConfig): Halting {
  return {
    halts: halting !== "repeat-k",
    probabilities: new Float64Array(n * maxLayers),
    capped: new Uint8Array(n * maxLayers),
    remainder: new Float64Array(n).fill(1),
    steps: new Uint8Array(n),
    active: new Uint8Array(n).fill(1),
  };
}

/**
 * Spends step t's probability: p = min(sigmoid(w·h + b), r) for each active token, which halts once 1 − r ≥ `threshold`;
 * h [n × d] is the step's result.
 */
export function haltStep(
  unit: LinearLayer,
  h: Float64Array,
  t: number,
  halting: Halting,
  threshold: number = HALT_THRESHOLD,
): void {
  const { probabilities, capped, remainder, steps, active } = halting;
  const { weight, bias, inputs: d } = unit;
  const n = steps.length;
  const L = probabilities.length / n;
  for (let i = 0; i < n; i++) {
    if (active[i] === 0) continue;
    let score = bias[0];
    for (let j = 0; j < d; j++) score += weight[j] * h[i * d + j];
    const sigmoid = 1 / (1 + exp(-score));
    const whole = sigmoid >= remainder[i];
    const p = whole ? remainder[i] : sigmoid;
    probabilities[i * L + t] = p;
    capped[i * L + t] = whole ? 1 : 0;
    remainder[i] -= p;
    steps[i] = t + 1;
    if (1 - remainder[i] >= threshold) active[i] = 0;
  }
}

/** Gradients with respect to `Halting`'s results; the remainder's runs backward through the steps. */
export interface HaltingGradient {
  /** dL/dp_t where p_t itself is used [n × L]. */
  readonly probabilities: Float64Array;
  /** dL/dr after step t, once the later steps are done [n]. */
  readonly remainder: Float64Array;
}

/** Backward of `haltStep`, to be called for t = last … 0: adds to the unit's gradient and to dh [n × d]. */
export function haltStepBackward(
  unit: LinearLayer,
  gradient: LinearLayer,
  h: Float64Array,
  t: number,
  { probabilities, capped, steps }: Halting,
  upstream: HaltingGradient,
  dh: Float64Array,
): void {
  const { weight, inputs: d } = unit;
  const n = steps.length;
  const L = probabilities.length / n;
  for (let i = 0; i < n; i++) {
    if (t >= steps[i]) continue;
    const slope = upstream.probabilities[i * L + t] - upstream.remainder[i];
    if (capped[i * L + t] === 1) {
      upstream.remainder[i] += slope;
      continue;
    }
    const p = probabilities[i * L + t];
    const dScore = slope * p * (1 - p);
    gradient.bias[0] += dScore;
    for (let j = 0; j < d; j++) {
      gradient.weight[j] += dScore * h[i * d + j];
      dh[i * d + j] += dScore * weight[j];
    }
  }
}
