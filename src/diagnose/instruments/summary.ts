import type { InstrumentRow, InstrumentTable } from "./table.ts";

/** A figure of a diagnosis; null where it is not known. */
export type Figure = readonly [name: string, value: number | null];

/** Metrics of a table whose last columns are metric and value, with the cells before them. */
interface Measured {
  readonly keys: readonly (string | number | null)[];
  readonly metric: string;
  readonly value: number | null;
}

/** The leading figures behind the rows of all tables, in the order of the instruments, for a first look. */
export function summarizeRows(rows: readonly InstrumentRow[]): Figure[] {
  const of = (table: InstrumentTable) => rows.filter((row) => row.table === table).map(({ cells }) => cells);
  const measured = (table: InstrumentTable) =>
    of(table).map((cells): Measured => ({
      keys: cells.slice(0, -2),
      metric: String(cells.at(-2)),
      value: cells.at(-1) as number | null,
    }));
  return [
    ...meanSteps(of("halting")),
    ...firstAndLastStep(measured("bins"), "bins", ["active_bins_per_review", "hard_entropy_bits", "largest_share"]),
    ...firstAndLastStep(measured("attention"), "attention", ["entropy_nats", "collapsed_share", "overloaded_share"]),
    ...measured("calibration").map(({ metric, value }): Figure => [`calibration_${metric}`, value]),
    ...eachStep(measured("exits"), "exits", ["cross_entropy", "accuracy"]),
    ...of("confusion").map(([actual, predicted, count]): Figure => [
      `confusion_${actual}_as_${predicted ?? "nothing"}`,
      count as number,
    ]),
    ...eachStep(measured("jacobian"), "jacobian", ["largest_singular_value", "spectral_radius", "non_normality"]),
    ...lastStep(measured("jacobian"), "jacobian", "tangent_growth"),
  ];
}

function meanSteps(cells: readonly InstrumentRow["cells"][]): Figure[] {
  const classes = [...new Set(cells.map(([name]) => String(name)))];
  return classes.map((name): Figure => {
    let tokens = 0, steps = 0;
    for (const [own, step, count] of cells) {
      if (own !== name) continue;
      tokens += Number(count);
      steps += Number(count) * Number(step);
    }
    return [`halting_steps_mean_${name}`, tokens > 0 ? steps / tokens : null];
  });
}

/** The step of a row: the last of its keys. */
const stepOf = ({ keys }: Measured) => Number(keys.at(-1));

/** Steps at which one of the metrics was measured, rising. */
function stepsOf(rows: readonly Measured[], metrics: readonly string[]): number[] {
  return [...new Set(rows.filter(({ metric }) => metrics.includes(metric)).map(stepOf))].toSorted((a, b) => a - b);
}

/** The mean over heads or reviews at one step; null when one of them is not known. */
function meanAt(rows: readonly Measured[], wanted: string, step: number): number | null {
  const values = rows.filter((row) => row.metric === wanted && stepOf(row) === step).map(({ value }) => value);
  if (values.length === 0 || values.includes(null)) return null;
  return values.reduce((sum: number, value) => sum + Number(value), 0) / values.length;
}

function figures(rows: readonly Measured[], name: string, metrics: readonly string[], steps: readonly number[]) {
  return metrics.flatMap((metric) =>
    steps.map((step): Figure => [`${name}_${metric}_step_${step}`, meanAt(rows, metric, step)])
  );
}

function eachStep(rows: readonly Measured[], name: string, metrics: readonly string[]): Figure[] {
  return figures(rows, name, metrics, stepsOf(rows, metrics));
}

function firstAndLastStep(rows: readonly Measured[], name: string, metrics: readonly string[]): Figure[] {
  const steps = stepsOf(rows, metrics);
  return figures(rows, name, metrics, steps.length > 1 ? [steps[0], steps[steps.length - 1]] : steps);
}

function lastStep(rows: readonly Measured[], name: string, metric: string): Figure[] {
  return figures(rows, name, [metric], stepsOf(rows, [metric]).slice(-1));
}
