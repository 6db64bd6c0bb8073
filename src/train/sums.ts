import type { Losses, StepResult } from "../engine/engine.ts";
import type { ModelConfig } from "../model/config.ts";
import type { EpochSums, MetricValue } from "./events.ts";

/** An epoch before its first batch. */
export const EMPTY_SUMS: EpochSums = {
  batches: 0,
  sequences: 0,
  tokens: 0,
  tokenSteps: 0,
  correct: 0,
  taskLoss: 0,
  klLoss: 0,
  entropyLoss: 0,
  gradNorm: 0,
};

/** The size of a batch. */
export interface BatchSize {
  readonly sequences: number;
  readonly tokens: number;
}

/** What a batch adds to the sums. */
export type BatchResult = Omit<StepResult, "updated">;

/** `sums` with one more batch. */
export function addBatch(sums: EpochSums, size: BatchSize, result: BatchResult): EpochSums {
  return {
    batches: sums.batches + 1,
    sequences: sums.sequences + size.sequences,
    tokens: sums.tokens + size.tokens,
    tokenSteps: sums.tokenSteps + result.tokenSteps,
    correct: sums.correct + result.correct,
    taskLoss: sums.taskLoss + result.taskLoss * size.sequences,
    klLoss: sums.klLoss + result.klLoss * size.tokens,
    entropyLoss: sums.entropyLoss + result.entropyLoss * size.tokens,
    gradNorm: sums.gradNorm + result.gradNorm,
  };
}

/** The part of the sums from which mean losses follow. */
export type LossSums = Pick<EpochSums, "sequences" | "tokens" | "taskLoss" | "klLoss" | "entropyLoss">;

/** Means of the objective as if all batches were one (spec §2): CE over sequences, KL and E over tokens. */
export function meanLosses(sums: LossSums, config: ModelConfig): Losses {
  const taskLoss = sums.taskLoss / sums.sequences;
  const klLoss = sums.klLoss / sums.tokens;
  const entropyLoss = sums.entropyLoss / sums.tokens;
  return {
    loss: taskLoss + config.klLossWeight * klLoss + config.entLossWeight * entropyLoss,
    taskLoss,
    klLoss,
    entropyLoss,
  };
}

/** The values of a training row, of one batch or of an epoch; depth is the paper's, steps − 1. */
export function trainingMetrics(
  place: Pick<MetricValue, "step" | "epoch">,
  losses: Losses,
  sums: EpochSums,
  schedule: { readonly learningRate: number; readonly klScale: number },
): MetricValue[] {
  const steps = sums.tokenSteps / sums.tokens;
  return metricRows({ ...place, split: "train" }, {
    loss: losses.loss,
    task_loss: losses.taskLoss,
    kl_loss: losses.klLoss,
    entropy_loss: losses.entropyLoss,
    learning_rate: schedule.learningRate,
    grad_norm: sums.gradNorm / sums.batches,
    kl_scale: schedule.klScale,
    accuracy: sums.correct / sums.sequences,
    halting_depth_mean: steps - 1,
    halting_steps_mean: steps,
  });
}

/** Metrics of halting and bins. */
const EPSILON_METRICS: ReadonlySet<string> = new Set([
  "kl_loss",
  "entropy_loss",
  "kl_scale",
  "halting_depth_mean",
  "halting_steps_mean",
]);

/**
 * The rows that say something about the model. Of the vanilla model those about halting and bins are left out: an empty
 * field would read as a value that is missing or not finite, where there is none to be had.
 */
export function measuredRows({ model }: Pick<ModelConfig, "model">, rows: readonly MetricValue[]): MetricValue[] {
  return rows.filter(({ metric }) => model === "epsilon" || !EPSILON_METRICS.has(metric));
}

/** What a clock measured over some batches. */
export interface Stopwatch {
  /** Time spent on the batches themselves. */
  readonly seconds: number;
  readonly tokens: number;
  readonly reviews: number;
  readonly tokenSteps: number;
}

/** The rows of `timing.csv` for `watch`. */
export function timingRows(place: Omit<MetricValue, "metric" | "value">, watch: Stopwatch): MetricValue[] {
  return metricRows(place, {
    seconds: watch.seconds,
    tokens_per_second: watch.tokens / watch.seconds,
    reviews_per_second: watch.reviews / watch.seconds,
    token_steps_per_second: watch.tokenSteps / watch.seconds,
  });
}

/** One row for each of `values`, in their order. */
export function metricRows(
  place: Omit<MetricValue, "metric" | "value">,
  values: Readonly<Record<string, number>>,
): MetricValue[] {
  return Object.entries(values).map(([metric, value]) => ({
    step: place.step,
    epoch: place.epoch,
    split: place.split,
    metric,
    value,
  }));
}
