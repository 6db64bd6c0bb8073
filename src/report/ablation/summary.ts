import { MEASURE_NAMES, type MeasureName } from "../../diagnose/provocation/measures.ts";
import { formatCsvRow } from "../../libraries/csv.ts";
import { type MeanDifference, meanDifference, meanOf, type Sample, sampleOf } from "../statistics.ts";
import type { AblationRun } from "./runs.ts";

/** What the seeds of an arm tell of a measure, alone and against the baseline of its scenario. */
export interface ArmSummary {
  readonly scenario: string;
  readonly arm: string;
  readonly measure: MeasureName;
  readonly sample: Sample;
  /** Arm less baseline, paired by seed; undefined for the baseline itself and where too few seeds have both. */
  readonly difference: MeanDifference | undefined;
}

/** Arms of the scenarios in the order of `runs`; `baseline` names the arm with which the others are compared. */
export function summarizeAblation(runs: readonly AblationRun[], baseline: string): ArmSummary[] {
  return groupsOf(runs).flatMap(({ scenario, arm, runs: own }) => {
    const others = runs.filter((run) => run.scenario === scenario && run.arm === baseline);
    return MEASURE_NAMES.flatMap((measure): ArmSummary[] => {
      const values = bySeed(own, measure);
      const sample = sampleOf([...values.values()]);
      if (sample === undefined) return [];
      const difference = arm === baseline ? undefined : pairedDifference(values, bySeed(others, measure));
      return [{ scenario, arm, measure, sample, difference }];
    });
  });
}

/** Runs of one arm of one scenario, in the order in which they come first. */
export function groupsOf(
  runs: readonly AblationRun[],
): { readonly scenario: string; readonly arm: string; readonly runs: readonly AblationRun[] }[] {
  const groups = new Map<string, AblationRun[]>();
  for (const run of runs) {
    const key = `${run.scenario} ${run.arm}`;
    groups.set(key, [...groups.get(key) ?? [], run]);
  }
  const order = (names: readonly string[]) => [...new Set(names)];
  const scenarios = order(runs.map(({ scenario }) => scenario));
  return scenarios.flatMap((scenario) => [...groups.values()].filter(([run]) => run.scenario === scenario))
    .map((own) => ({ scenario: own[0].scenario, arm: own[0].arm, runs: own }));
}

function bySeed(runs: readonly AblationRun[], measure: MeasureName): Map<string, number> {
  return new Map(runs.flatMap(({ seed, measures }) => {
    const value = measures[measure];
    return value === null ? [] : [[String(seed), value]];
  }));
}

/** Of independent samples nothing is said: an arm and its baseline share seeds, and so data and weights. */
function pairedDifference(
  first: ReadonlyMap<string, number>,
  second: ReadonlyMap<string, number>,
): MeanDifference | undefined {
  const difference = meanDifference(first, second);
  return difference?.method === "paired" ? difference : undefined;
}

const RUN_COLUMNS = ["scenario", "arm", "seed", "measure", "value"] as const;

/** Every measure of every run, tidy. */
export function runsCsv(runs: readonly AblationRun[]): string {
  const rows = runs.flatMap(({ scenario, arm, seed, measures }) =>
    MEASURE_NAMES.map((name) => formatCsvRow([scenario, arm, seed, name, measures[name]]))
  );
  return formatCsvRow(RUN_COLUMNS) + rows.join("");
}

const SUMMARY_COLUMNS = [
  ...["scenario", "arm", "measure", "seeds", "mean", "sd", "lower", "upper"],
  ...["pairs", "difference", "difference_lower", "difference_upper"],
] as const;

/** Means, deviations, intervals and paired differences, one row a measure of an arm. */
export function summaryCsv(summaries: readonly ArmSummary[]): string {
  const rows = summaries.map(({ scenario, arm, measure, sample, difference }) =>
    formatCsvRow([
      ...[scenario, arm, measure, sample.n, sample.mean, sample.sd, sample.interval?.lower, sample.interval?.upper],
      ...[difference?.n, difference?.difference, difference?.interval.lower, difference?.interval.upper],
    ])
  );
  return formatCsvRow(SUMMARY_COLUMNS) + rows.join("");
}

/** The mean over the seeds of a step metric of an arm. */
export interface MeanCurvePoint {
  readonly scenario: string;
  readonly arm: string;
  readonly metric: string;
  readonly step: number;
  readonly mean: number;
  /** Null for one seed. */
  readonly sd: number | null;
  readonly seeds: number;
}

/** The curves of each arm over its seeds. */
export function meanCurves(runs: readonly AblationRun[]): MeanCurvePoint[] {
  return groupsOf(runs).flatMap(({ scenario, arm, runs: own }) => {
    const metrics = [...new Set(own.flatMap(({ curves }) => [...curves.keys()]))];
    return metrics.flatMap((metric) => {
      const steps = new Map<number, number[]>();
      for (const { curves } of own) {
        for (const { step, value } of curves.get(metric) ?? []) steps.set(step, [...steps.get(step) ?? [], value]);
      }
      return [...steps].toSorted(([a], [b]) => a - b).map(([step, values]): MeanCurvePoint => {
        const sd = sampleOf(values)?.sd ?? null;
        return { scenario, arm, metric, step, mean: meanOf(values), sd, seeds: values.length };
      });
    });
  });
}

const CURVE_COLUMNS = ["scenario", "arm", "metric", "step", "mean", "sd", "seeds"] as const;

export function curvesCsv(points: readonly MeanCurvePoint[]): string {
  return formatCsvRow(CURVE_COLUMNS) +
    points.map((point) => formatCsvRow(CURVE_COLUMNS.map((column) => point[column]))).join("");
}
