import { join } from "node:path";
import { measure, type Measures } from "../../diagnose/provocation/measures.ts";
import { readMetrics } from "../../metrics/metrics_csv.ts";
import { TABLE_NAMES } from "../../metrics/run_folder.ts";
import { readRunJson } from "../../metrics/run_json.ts";
import { meanOf } from "../statistics.ts";

/** Where a run of an ablation stands in its grid. */
export interface AblationPlace {
  readonly scenario: string;
  readonly arm: string;
  readonly seed: number;
}

/** The mean of a step metric over a few steps. */
export interface CurvePoint {
  /** The last of the steps. */
  readonly step: number;
  readonly value: number;
}

/** A run of an ablation that is done. */
export interface AblationRun extends AblationPlace {
  readonly measures: Measures;
  /** Step metrics by name; a point's mean leaves out values that were not finite. */
  readonly curves: ReadonlyMap<string, readonly CurvePoint[]>;
  readonly shiftStep: number | null;
}

/** Step metrics whose curves are nothing to compare: set by a schedule, or parts of others. */
const UNCOMPARED: ReadonlySet<string> = new Set([
  "loss",
  "kl_loss",
  "entropy_loss",
  "learning_rate",
  "kl_scale",
  "halting_steps_mean",
]);

/** Points of a curve. */
const POINTS = 40;

/**
 * The run in `folder`; `broken` tells that a value that is not finite ended it. Throws DataError when its files cannot
 * be read.
 */
export async function readAblationRun(place: AblationPlace, folder: string, broken: boolean): Promise<AblationRun> {
  const { provocation, model } = await readRunJson(folder);
  const rows = await Array.fromAsync(readMetrics(join(folder, TABLE_NAMES.metrics)));
  const last = rows.reduce((step, row) => Math.max(step, row.step), 0);
  const width = Math.max(1, Math.ceil(last / POINTS));
  const values = new Map<string, Map<number, number[]>>();
  for (const { step, epoch, split, metric, value } of rows) {
    if (epoch !== null || split !== "train" || value === null || UNCOMPARED.has(metric)) continue;
    const curve = values.get(metric) ?? new Map<number, number[]>();
    const end = Math.ceil(step / width) * width;
    curve.set(end, [...curve.get(end) ?? [], value]);
    values.set(metric, curve);
  }
  const shifting = provocation === undefined ? {} : { shiftStep: provocation.shiftAt };
  return {
    ...place,
    measures: measure(rows, { ...shifting, broken, classes: model.numClasses }),
    curves: new Map(
      [...values].map(([metric, curve]) => [metric, [...curve].map(([step, own]) => ({ step, value: meanOf(own) }))]),
    ),
    shiftStep: provocation?.shiftAt ?? null,
  };
}
