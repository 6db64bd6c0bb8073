import { log } from "../../model/elementary.ts";
import type { MetricValue } from "../../train/events.ts";

/** A row of a run's metrics; null where a value was not finite. */
export type MeasuredRow = Omit<MetricValue, "value"> & { readonly value: number | null };

/** Measures of a run by name, in the order of `MEASURE_NAMES`; null where the run has none. */
export type Measures = Readonly<Record<MeasureName, number | null>>;

export interface MeasuresOptions {
  /** Optimizer steps before the shift; absent for a run without one, whose measures after the shift are null. */
  readonly shiftStep?: number;
  /** Whether training ended because a loss or gradient was not finite. */
  readonly broken: boolean;
  readonly classes: number;
}

/**
 * What a provocation did, judged by several measures (stability spec §2); `docs/stability.md` says how each is taken.
 * Losses are cross-entropies in nats of logged training batches; `…_before` and `…_final` are means over the last
 * `WINDOW` steps before the shift and of the run.
 */
export const MEASURE_NAMES = [
  "shift_step",
  "steps",
  "loss_before",
  "loss_final",
  /** Largest mean of a window that lies behind the shift. */
  "loss_peak",
  /** ∫ (loss − loss_before) over the steps behind the shift, nats · steps. */
  "loss_area",
  "recovered",
  /** Steps from the shift to the end of the first window behind it whose mean is within 5 % of `loss_before`. */
  "recovery_steps",
  "weight_norm_before",
  "weight_norm_final",
  "weight_norm_max",
  /** Largest norm behind the shift over `weight_norm_before`. */
  "weight_norm_growth",
  "update_norm_before",
  "update_norm_after",
  "update_norm_max",
  "grad_norm_before",
  "grad_norm_after",
  "accuracy_before",
  "accuracy_final",
  "shifted_accuracy_before",
  "shifted_accuracy_final",
  /** Values that are not finite, the one that ended training included. */
  "non_finite",
  /** Whether the weight norm has passed 100: the published criterion. */
  "diverged_norm",
  /** Whether training broke off, or ended above the loss of an even guess by 10 %. */
  "diverged_loss",
] as const;

export type MeasureName = typeof MEASURE_NAMES[number];

/** Steps over which single batches' losses are averaged. */
export const WINDOW = 100;

/** What the weight norm must pass to count as diverged in the published experiment. */
export const PUBLISHED_NORM_LIMIT = 100;

const RECOVERY_TOLERANCE = 1.05;
const GUESS_TOLERANCE = 1.1;

/** Metrics that a step always has: without a value they were not finite. A guard's window, say, may just not be full. */
const ALWAYS_THERE: ReadonlySet<string> = new Set([
  ...["loss", "task_loss", "kl_loss", "entropy_loss", "grad_norm", "weight_norm", "update_norm"],
  ...["accuracy", "ece", "mce", "brier", "shifted_task_loss", "shifted_accuracy", "sr_noise"],
]);

interface Point {
  readonly step: number;
  readonly value: number;
}

/** The measures of the run whose rows are `rows`; a pure function of them. */
export function measure(
  rows: readonly MeasuredRow[],
  { shiftStep, broken, classes }: MeasuresOptions,
): Measures {
  const steps = rows.filter(({ epoch, split }) => epoch === null && split === "train");
  const series = (metric: string): Point[] =>
    steps.flatMap((row) => row.metric === metric && row.value !== null ? [{ step: row.step, value: row.value }] : []);
  const loss = series("task_loss");
  const last = rows.reduce((step, row) => Math.max(step, row.step), 0);
  const shift = shiftStep ?? Infinity;
  const from = shiftStep ?? last;
  const after = (points: readonly Point[]) => points.filter(({ step }) => step > shift);
  const before = (points: readonly Point[]) => points.filter(({ step }) => step > from - WINDOW && step <= from);
  const final = (points: readonly Point[]) => points.filter(({ step }) => step > last - WINDOW);

  const lossBefore = mean(before(loss));
  const lossFinal = mean(final(loss));
  const windows = windowMeans(after(loss), shift);
  const limit = lossBefore === null ? -Infinity : RECOVERY_TOLERANCE * lossBefore;
  const recovery = windows.find(({ value }) => value <= limit);
  const weights = series("weight_norm");
  const updates = series("update_norm");
  const gradients = series("grad_norm");
  const weightsMax = largest(weights);
  const weightsBefore = mean(before(weights));
  const weightsBehind = largest(after(weights));
  const grown = weightsBefore !== null && weightsBehind !== null ? weightsBehind / weightsBefore : null;
  const tooHigh = lossFinal !== null && lossFinal > GUESS_TOLERANCE * log(classes);
  const atShift = (metric: string) => rows.find((row) => row.step === shift && isJudged(row, metric))?.value ?? null;
  const atEnd = (metric: string) => rows.findLast((row) => isJudged(row, metric))?.value ?? null;
  const shifted = <Value>(value: Value) => shiftStep === undefined ? null : value;
  return {
    shift_step: shiftStep ?? null,
    steps: last,
    loss_before: lossBefore,
    loss_final: lossFinal,
    loss_peak: shifted(largest(windows)),
    loss_area: shifted(lossBefore === null ? null : area(after(loss), shift, lossBefore)),
    recovered: shifted(recovery === undefined ? 0 : 1),
    recovery_steps: recovery === undefined ? null : recovery.step - shift,
    weight_norm_before: weightsBefore,
    weight_norm_final: weights.at(-1)?.value ?? null,
    weight_norm_max: weightsMax,
    weight_norm_growth: grown,
    update_norm_before: mean(before(updates)),
    update_norm_after: shifted(mean(after(updates))),
    update_norm_max: shifted(largest(after(updates))),
    grad_norm_before: mean(before(gradients)),
    grad_norm_after: shifted(mean(after(gradients))),
    accuracy_before: atShift("accuracy"),
    accuracy_final: atEnd("accuracy"),
    shifted_accuracy_before: atShift("shifted_accuracy"),
    shifted_accuracy_final: atEnd("shifted_accuracy"),
    non_finite: rows.filter(({ metric, value }) => value === null && ALWAYS_THERE.has(metric)).length + Number(broken),
    diverged_norm: weightsMax === null ? null : Number(weightsMax > PUBLISHED_NORM_LIMIT),
    diverged_loss: Number(broken || tooHigh),
  };
}

function isJudged({ split, metric }: MeasuredRow, wanted: string): boolean {
  return split === "validation" && metric === wanted;
}

/** The means of all windows that end at a logged step and lie wholly behind `shift`. */
function windowMeans(points: readonly Point[], shift: number): Point[] {
  return points.filter(({ step }) => step >= shift + WINDOW).map(({ step }) => {
    const inside = points.filter((point) => point.step > step - WINDOW && point.step <= step);
    return { step, value: inside.reduce((sum, { value }) => sum + value, 0) / inside.length };
  });
}

/** Each logged loss stands for the steps since the one before it. */
function area(points: readonly Point[], from: number, level: number): number {
  let reached = from;
  let sum = 0;
  for (const { step, value } of points) {
    sum += (value - level) * (step - reached);
    reached = step;
  }
  return sum;
}

function mean(points: readonly Point[]): number | null {
  return points.length === 0 ? null : points.reduce((sum, { value }) => sum + value, 0) / points.length;
}

function largest(points: readonly Point[]): number | null {
  return points.length === 0 ? null : points.reduce((most, { value }) => Math.max(most, value), -Infinity);
}
