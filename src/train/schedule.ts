import type { Model } from "../model/config.ts";
import { cos } from "../model/elementary.ts";

/** Where each model's cosine ends (spec §2, §4). */
export const FINAL_LEARNING_RATES: Readonly<Record<Model, number>> = { epsilon: 1e-7, vanilla: 0 };
/** Where the warm-up starts, as a share of the peak (spec §2). */
const WARMUP_START = 1e-6;
/** Where the scale of the KL term ends (spec §2). */
const FINAL_KL_SCALE = 0.1;

export interface LearningRateSchedule {
  /** Learning rate when the warm-up ends. */
  readonly peak: number;
  readonly warmupSteps: number;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Where the cosine ends; the Epsilon model's end when absent. */
  readonly final?: number;
}

/**
 * Learning rate of optimizer step `step`, counted from 0 (spec §2, "Optimizer"): linear from 1e-6 · peak over the
 * warm-up, then a cosine that would reach its end one step after the last. A warm-up as long as the run or longer is cut
 * off by the run's end; a peak below that end stays where it is after the warm-up, since a decay must not raise it.
 */
export function learningRateAt(
  step: number,
  { peak, warmupSteps, totalSteps, final: end = FINAL_LEARNING_RATES.epsilon }: LearningRateSchedule,
): number {
  if (step < warmupSteps) return peak * (WARMUP_START + (1 - WARMUP_START) * step / warmupSteps);
  const final = Math.min(end, peak);
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  return final + (peak - final) * 0.5 * (1 + cos(Math.PI * Math.min(1, progress)));
}

/**
 * Scale of the KL term while epoch `epoch` of `epochs`, counted from 0, is trained (spec §2): 1 in the first epoch,
 * then along a cosine towards 0.1.
 */
export function klScaleAt(epoch: number, epochs: number): number {
  return FINAL_KL_SCALE + (1 - FINAL_KL_SCALE) * 0.5 * (1 + cos(Math.PI * epoch / epochs));
}
