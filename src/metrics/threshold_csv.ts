import { PLACE_COLUMNS, tableFile } from "../diagnose/instruments/table.ts";
import type { ThresholdPoint } from "../diagnose/threshold_sweep.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import type { JudgedPlace } from "./schema.ts";

/** Name of the file in a run folder. */
export const THRESHOLD_CSV = tableFile("threshold");

/** Columns of the file after the place. */
export const THRESHOLD_COLUMNS = ["threshold", "metric", "value"] as const;

/** The values of a point that are the same each time; what a clock measured is none of them. */
export function thresholdMetrics({ evaluation, inference }: ThresholdPoint): Record<string, number> {
  return {
    accuracy: evaluation.accuracy,
    accuracy_standard_error: evaluation.accuracyStandardError,
    loss: evaluation.loss,
    task_loss: evaluation.taskLoss,
    halting_depth_mean: evaluation.haltingDepthMean,
    halting_steps_mean: evaluation.haltingStepsMean,
    inference_steps_mean: inference.stepsMean,
  };
}

/** The text of `threshold.csv`: one row a value, in the order of the points. */
export function thresholdCsv(place: JudgedPlace, points: readonly ThresholdPoint[]): string {
  const { run, step, epoch, split } = place;
  const rows = points.flatMap((point) =>
    Object.entries(thresholdMetrics(point)).map(([metric, value]) =>
      formatCsvRow([run, step, epoch, split, point.threshold, metric, value])
    )
  );
  return formatCsvRow([...PLACE_COLUMNS, ...THRESHOLD_COLUMNS]) + rows.join("");
}
