import { stepLimit } from "../config.ts";
import type { DropoutMask } from "../dropout.ts";
import { NO_NOISE, type StateNoise } from "../noise.ts";
import type { Bins } from "./bins.ts";
import { BlockScratch, type BlockStep, blockStep, blockStepBackward } from "./block.ts";
import { type Halting, type HaltingGradient, haltStep, haltStepBackward, startHalting } from "./halting.ts";
import { withNoise, withNoiseBackward } from "./noise.ts";
import type { GradientParts, ModelParts } from "./parts.ts";

/** All steps of the block on one sequence (spec §1). */
export interface Recurrence {
  /** The steps that ran; only the first when nothing more was to be kept. */
  readonly steps: readonly BlockStep[];
  readonly halting: Halting;
  /** h⁰ [n × d], before any noise. */
  readonly start: Float64Array;
  readonly noise: StateNoise;
  /** h after the last step that ran [n × d]. */
  readonly last: Float64Array;
  /** y of `[CLS]`: Σ_t p_t h^(t) + r · h^(last) [d]. */
  readonly pooled: Float64Array;
}

export interface RecurrenceOptions {
  /** The backward pass needs every step; inference does with the first. */
  readonly keep: "all steps" | "first step";
  /** In `exit` mode, end as soon as `[CLS]` has halted: its logits are then final. */
  readonly endWithCls: boolean;
  /** θ of the halting rule, where it is not the paper's. */
  readonly threshold?: number;
  /** Noise on the inputs of the steps; none when absent. */
  readonly noise?: StateNoise;
}

/** Runs the block on h⁰ [n × d] until no token is active, at most L times; in mode `repeat-k` exactly k times. */
export function runRecurrence(
  parts: ModelParts,
  h0: Float64Array,
  mask: DropoutMask,
  { keep, endWithCls, threshold, noise = NO_NOISE }: RecurrenceOptions,
): Recurrence {
  const { dModel: d, halting: mode } = parts.config;
  const n = h0.length / d;
  const halting = startHalting(n, parts.config);
  const steps: BlockStep[] = [];
  const pooled = new Float64Array(d);
  const scratch = new BlockScratch(parts);
  const everyToken = new Uint8Array(n).fill(1);
  let bins: Bins | undefined;
  let last = h0;
  const limit = stepLimit(parts.config);
  for (let t = 0; t < limit; t++) {
    const updated = mode === "exit" ? halting.active.slice() : everyToken;
    const step = blockStep(parts, withNoise(noise, last, updated, t), updated, t, bins, mask, scratch);
    if (halting.halts) haltStep(parts.tensors.halting[t], step.output, t, halting, threshold);
    else halting.steps.fill(t + 1);
    const p = halting.probabilities[t];
    for (let j = 0; j < d; j++) pooled[j] += p * step.output[j];
    if (keep === "all steps" || t === 0) steps.push(step);
    bins = step.bins;
    last = step.output;
    const ended = mode === "exit" && endWithCls && halting.active[0] === 0;
    if (ended || !halting.active.includes(1)) break;
  }
  for (let j = 0; j < d; j++) pooled[j] += halting.remainder[0] * last[j];
  return { steps, halting, start: h0, noise, last, pooled };
}

/**
 * Backward of `runRecurrence` with all steps kept. `dHalting` holds the losses' share and is consumed, as is
 * `dAssignment0` [H × n × B], the losses' share of the first assignments. Returns dL/dh⁰ [n × d].
 */
export function recurrenceBackward(
  parts: ModelParts,
  gradient: GradientParts,
  { steps, halting, start, noise, last, pooled }: Recurrence,
  mask: DropoutMask,
  dPooled: Float64Array,
  dHalting: HaltingGradient,
  dAssignment0: Float64Array,
): Float64Array {
  const d = pooled.length;
  const scratch = new BlockScratch(parts);
  const dh = new Float64Array(last.length);
  const dBins = {
    assignment: new Float64Array(dAssignment0.length),
    binKeys: new Float64Array(steps[0].bins.binKeys.length),
    binValues: new Float64Array(steps[0].bins.binValues.length),
  };
  for (let j = 0; j < d; j++) {
    dh[j] = halting.remainder[0] * dPooled[j];
    dHalting.remainder[0] += dPooled[j] * last[j];
  }
  for (let t = steps.length - 1; t >= 0; t--) {
    const step = steps[t];
    const p = halting.probabilities[t];
    for (let j = 0; j < d; j++) {
      dh[j] += p * dPooled[j];
      dHalting.probabilities[t] += dPooled[j] * step.output[j];
    }
    if (halting.halts) {
      haltStepBackward(parts.tensors.halting[t], gradient.tensors.halting[t], step.output, t, halting, dHalting, dh);
    }
    if (t === 0) dBins.assignment.set(dAssignment0);
    blockStepBackward(parts, gradient, step, mask, dh, dBins, scratch);
    withNoiseBackward(noise, t === 0 ? start : steps[t - 1].output, step.updated, t, dh);
  }
  return dh;
}
