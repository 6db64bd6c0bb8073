import { PLACE_COLUMNS } from "../diagnose/instruments/table.ts";
import type { InstrumentPlace } from "../diagnose/instruments/training_instruments.ts";
import type { MetricValue } from "../train/events.ts";

/** Metrics that may stand in `metrics.csv`: functions of seed, data and configuration only (interface, "Run folder"). */
export const METRIC_NAMES = [
  "loss",
  "task_loss",
  "kl_loss",
  "entropy_loss",
  "learning_rate",
  "grad_norm",
  "kl_scale",
  "accuracy",
  "ece",
  "mce",
  "brier",
  "halting_depth_mean",
  "halting_steps_mean",
  "weight_norm",
  "update_norm",
  "shifted_task_loss",
  "shifted_accuracy",
  "sr_gain",
  "sr_noise",
  "ars_surprise",
  "ars_rho1",
  "ars_entropy",
  "ars_psi",
  "ars_phi",
  "ars_chi",
  "effective_learning_rate",
  "effective_beta1",
  "retain_loss",
] as const;

/** What a clock measures stands in `timing.csv`, so that `metrics.csv` is the same to the byte for the same seed. */
export const TIMING_NAMES = ["seconds", "tokens_per_second", "reviews_per_second", "token_steps_per_second"] as const;

export const SPLITS = ["train", "validation", "test"] as const;

/** Columns of both files. */
export const METRIC_COLUMNS = [...PLACE_COLUMNS, "metric", "value"] as const;

/** Whose weights were judged on what; null where the checkpoint does not say. */
export interface JudgedPlace extends Pick<InstrumentPlace, "step" | "epoch"> {
  readonly run: string | null;
  readonly split: string;
}

/** One row of `metrics.csv` or `timing.csv`. */
export interface MetricRow extends Omit<MetricValue, "value"> {
  readonly run: string;
  /** Null, an empty field, where the value was missing or not finite. */
  readonly value: number | null;
}
