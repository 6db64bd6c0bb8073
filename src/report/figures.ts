import type { ReportRun } from "./run.ts";
import { meanOf, type Sample, sampleOf } from "./statistics.ts";
import { bestEpoch, lastEpoch, meanEpochSeconds } from "./summary.ts";

/** A figure of a run as a whole. */
export interface Figure {
  /** Its name in tables for programs. */
  readonly name: string;
  readonly title: string;
  /** Shown as a percentage where it is a share, else with so many decimals. */
  readonly form: "percent" | number;
  /** Decimals of its mean over runs, where they are more than its own. */
  readonly meanDecimals?: number;
  /** Undefined where the run does not have it. */
  readonly of: (run: ReportRun) => number | undefined;
}

const atBest = (metric: string) => (run: ReportRun) => bestEpoch(run)?.validation.get(metric) ?? undefined;
const atLast = (metric: string) => (run: ReportRun) => lastEpoch(run)?.validation.get(metric) ?? undefined;

/** Figures by which runs are compared; accuracy, losses and depth are of the validation reviews. */
export const FIGURES: readonly Figure[] = [
  { name: "best_accuracy", title: "best accuracy", form: "percent", of: (run) => bestEpoch(run)?.accuracy },
  { name: "best_epoch", title: "in epoch", form: 0, meanDecimals: 1, of: (run) => bestEpoch(run)?.epoch },
  { name: "last_accuracy", title: "last accuracy", form: "percent", of: atLast("accuracy") },
  { name: "best_task_loss", title: "cross-entropy at best", form: 4, of: atBest("task_loss") },
  { name: "best_ece", title: "calibration error at best", form: "percent", of: atBest("ece") },
  { name: "best_halting_depth_mean", title: "depth at best", form: 2, of: atBest("halting_depth_mean") },
  { name: "last_halting_depth_mean", title: "last depth", form: 2, of: atLast("halting_depth_mean") },
  { name: "epoch_seconds_mean", title: "seconds an epoch", form: 1, of: meanEpochSeconds },
  { name: "parameters", title: "parameters", form: 0, of: ({ record }) => record?.parameterCount },
];

/**
 * The figure of each seed of `runs`, by a key of its own. A seed that was run more than once counts once, with the mean
 * of its runs: the same seed again says nothing new. A run without `run.json` counts as a seed.
 */
export function perSeed(runs: readonly ReportRun[], figure: Figure): ReadonlyMap<string, number> {
  const values = new Map<string, number[]>();
  for (const run of runs) {
    const value = figure.of(run);
    const key = run.record === undefined ? `path ${run.path}` : `seed ${run.record.seed}`;
    if (value !== undefined) values.set(key, [...values.get(key) ?? [], value]);
  }
  return new Map([...values].map(([key, own]) => [key, meanOf(own)]));
}

/** The figures that at least one of `runs` has. */
export function presentFigures(runs: readonly ReportRun[]): Figure[] {
  return FIGURES.filter((figure) => runs.some((run) => figure.of(run) !== undefined));
}

/** What the seeds of `runs` tell of the figure; undefined when none has it. */
export function seedSample(runs: readonly ReportRun[], figure: Figure): Sample | undefined {
  return sampleOf([...perSeed(runs, figure).values()]);
}

/** `value` for people: percentages with two decimals, without their sign. */
export function formatFigure({ form }: Figure, value: number): string {
  return form === "percent" ? (100 * value).toFixed(2) : value.toFixed(form);
}

/** A mean or deviation of the figure's values, for people. */
export function formatMean({ form, meanDecimals }: Figure, value: number): string {
  return form === "percent" ? (100 * value).toFixed(2) : value.toFixed(meanDecimals ?? form);
}

/** The figure's heading, with its unit. */
export function figureHeading({ title, form }: Figure): string {
  return form === "percent" ? `${title}, %` : title;
}
