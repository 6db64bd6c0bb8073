import { median } from "../../diagnose/benchmark/row.ts";
import { formatCsvRow } from "../../libraries/csv.ts";
import { standardError } from "../../train/interval.ts";
import type { ReportRun } from "../run.ts";
import { sampleOf } from "../statistics.ts";
import { bestEpoch, epochSummaries } from "../summary.ts";

/** Accuracy of a run's best checkpoint on reviews that took no part in training or in its choice. */
export interface TestResult {
  readonly reviews: number;
  readonly accuracy: number;
  /** √(p(1 − p)/n) */
  readonly standardError: number;
}

/** A finished run in its place of the reproduction. */
export interface ReproducedRun {
  /** For example `exit` or `repeat-5`. */
  readonly variant: string;
  readonly seed: number;
  readonly run: ReportRun;
  /** Reviews of its validation split. */
  readonly validationReviews: number;
  readonly test?: TestResult;
}

/** One value of the reproduction. */
export interface ResultRow {
  readonly variant: string;
  readonly seed: number;
  readonly run: string;
  readonly metric: string;
  readonly value: number | null;
}

/** Mean and spread of a value over a variant's seeds. */
export interface SummaryRow {
  readonly variant: string;
  readonly metric: string;
  /** Seeds that have the value. */
  readonly runs: number;
  readonly mean: number;
  /** Of the sample; null for one run. */
  readonly standardDeviation: number | null;
  readonly least: number;
  readonly greatest: number;
}

/** Validation values that are told of the best and of the last epoch, with their names in the tables. */
const EPOCH_METRICS = {
  accuracy: "accuracy",
  task_loss: "cross_entropy",
  kl_loss: "kl_loss",
  ece: "ece",
  halting_depth_mean: "depth",
  halting_steps_mean: "steps",
} as const;

/** What is told of each run; values that the run does not have are left out, those that are not finite are null. */
export function resultRows({ variant, seed, run, validationReviews, test }: ReproducedRun): ResultRow[] {
  const best = bestEpoch(run), epochs = epochSummaries(run), last = epochs.at(-1);
  const values = new Map<string, number | null>();
  if (run.record !== undefined) values.set("parameters", run.record.parameterCount);
  values.set("epochs", epochs.length);
  values.set("validation_reviews", validationReviews);
  if (best !== undefined) values.set("best_epoch", best.epoch);
  for (const [which, epoch] of [["best", best], ["last", last]] as const) {
    for (const [metric, name] of Object.entries(EPOCH_METRICS)) {
      const value = epoch?.validation.get(metric);
      if (value !== undefined) values.set(`${which}_${name}`, value);
    }
    const accuracy = epoch?.validation.get("accuracy") ?? undefined;
    if (accuracy !== undefined) {
      values.set(`${which}_accuracy_standard_error`, standardError(accuracy, validationReviews));
    }
  }
  if (test !== undefined) {
    values.set("test_reviews", test.reviews);
    values.set("test_accuracy", test.accuracy);
    values.set("test_accuracy_standard_error", test.standardError);
  }
  return [...values].map(([metric, value]) => ({ variant, seed, run: run.label, metric, value }));
}

/**
 * What a clock measured in each run: seconds of an epoch's training, the median over its epochs, with whatever else the
 * machine had to do meanwhile.
 */
export function runTimingRows({ variant, seed, run }: ReproducedRun): ResultRow[] {
  const seconds = epochSummaries(run).flatMap(({ train }) => train.get("seconds") ?? []);
  if (seconds.length === 0) return [];
  return [{ variant, seed, run: run.label, metric: "run_seconds_per_epoch", value: median(seconds) }];
}

/** Means over the seeds, one row a variant and metric, in the order of their first appearance; missing values left out. */
export function summarize(rows: readonly ResultRow[]): SummaryRow[] {
  const groups = new Map<string, { readonly variant: string; readonly metric: string; readonly values: number[] }>();
  for (const { variant, metric, value } of rows) {
    if (value === null) continue;
    const key = JSON.stringify([variant, metric]);
    const group = groups.get(key) ?? { variant, metric, values: [] };
    group.values.push(value);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ variant, metric, values }) => ({
    variant,
    metric,
    runs: values.length,
    ...meanAndDeviation(values),
    least: Math.min(...values),
    greatest: Math.max(...values),
  }));
}

function meanAndDeviation(values: readonly number[]): Pick<SummaryRow, "mean" | "standardDeviation"> {
  const { mean, sd } = sampleOf(values) ?? { mean: NaN, sd: null };
  return { mean, standardDeviation: sd };
}

/** `results.csv` and `timing.csv` of a reproduction. */
export function resultsCsv(rows: readonly ResultRow[]): string {
  const lines = rows.map(({ variant, seed, run, metric, value }) => formatCsvRow([variant, seed, run, metric, value]));
  return formatCsvRow(["variant", "seed", "run", "metric", "value"]) + lines.join("");
}

/** `summary.csv` of a reproduction. */
export function summaryCsv(rows: readonly SummaryRow[]): string {
  const lines = rows.map(({ variant, metric, runs, mean, standardDeviation, least, greatest }) =>
    formatCsvRow([variant, metric, runs, mean, standardDeviation, least, greatest])
  );
  const header = ["variant", "metric", "runs", "mean", "standard_deviation", "least", "greatest"];
  return formatCsvRow(header) + lines.join("");
}

/** Looks summaries up by variant and metric. */
export function summaryOf(
  summaries: readonly SummaryRow[],
): (variant: string, metric: string) => SummaryRow | undefined {
  return (variant, metric) => summaries.find((row) => row.variant === variant && row.metric === metric);
}
