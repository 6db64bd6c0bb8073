import { dirname, join } from "node:path";
import type { ThresholdPoint } from "../diagnose/threshold_sweep.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { printable } from "../files/printable.ts";
import type { RunRecord } from "../metrics/run_json.ts";
import { THRESHOLD_CSV, thresholdCsv, thresholdMetrics } from "../metrics/threshold_csv.ts";
import { type ChosenModel, modelName } from "./chosen_model.ts";
import type { EvaluateContext } from "./evaluate.ts";
import { formatColumns } from "./format.ts";
import { placeOf } from "./judged_reviews.ts";
import { jsonDocument, type Terminal } from "./output.ts";

export interface SweepReport {
  /** What was judged. */
  readonly model: ChosenModel;
  /** The record of its run, where it lies in a run folder. */
  readonly record: RunRecord | undefined;
  readonly klScale: number;
  readonly points: readonly ThresholdPoint[];
  readonly values: EvaluateContext["values"];
  readonly terminal: Terminal;
}

/** Writes the CSV of a sweep over thresholds and prints its result. */
export async function reportSweep(
  { model, record, klScale, points, values, terminal }: SweepReport,
): Promise<void> {
  const { checkpoint, path } = model;
  const file = values.out ?? (record === undefined ? undefined : join(dirname(path), THRESHOLD_CSV));
  if (file === undefined) {
    terminal.say(`${printable(path)} lies in no run folder: the result is only printed, unless --out names a file`);
  } else {
    const place = { ...placeOf(checkpoint, path), split: values.split };
    await writeFileAtomically(file, thresholdCsv(place, points));
  }
  const named = { checkpoint: path, ...modelName(model), split: values.split };
  const result = { ...named, kl_scale: klScale, thresholds: points.map(pointResult) };
  await terminal.write(values.json ? jsonDocument(result) : formatPoints(points));
}

function pointResult(point: ThresholdPoint) {
  const { threshold, evaluation: { reviews, tokens }, inference } = point;
  return {
    threshold,
    reviews,
    tokens,
    ...thresholdMetrics(point),
    inference_token_steps: inference.tokenSteps,
    inference_seconds: inference.seconds,
    inference_reviews_per_second: reviews / inference.seconds,
  };
}

function formatPoints(points: readonly ThresholdPoint[]): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  const headings = ["threshold", "accuracy %", "± %", "task loss", "mean steps", "steps computed", "µs a review"];
  return formatColumns(
    headings,
    points.map(({ threshold, evaluation, inference }) => [
      String(threshold),
      percent(evaluation.accuracy),
      percent(evaluation.accuracyStandardError),
      evaluation.taskLoss.toFixed(4),
      evaluation.haltingStepsMean.toFixed(3),
      inference.stepsMean.toFixed(3),
      (1e6 * inference.seconds / evaluation.reviews).toFixed(1),
    ]),
  );
}
