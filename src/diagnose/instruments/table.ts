/** Columns that stand first in every instrument's table; `epoch` counts from 1. */
export const PLACE_COLUMNS = ["run", "step", "epoch", "split"] as const;

/**
 * The instruments' tables, each a file `NAME.csv` of a run folder, and their columns after the place. Heads, bins,
 * positions and reviews are numbered from 0; `steps` and `block_step` count applications of the block from 1.
 */
export const INSTRUMENT_TABLES = {
  halting: ["token_class", "steps", "tokens"],
  bins: ["head", "block_step", "metric", "value"],
  attention: ["head", "block_step", "metric", "value"],
  calibration: ["metric", "value"],
  reliability: ["bins", "bin", "lower", "upper", "count", "confidence", "accuracy"],
  exits: ["block_step", "metric", "value"],
  confusion: ["actual", "predicted", "count"],
  tokens: ["review", "label", "predicted", "position", "token", "steps"],
  jacobian: ["review", "block_step", "metric", "value"],
  eigenvalues: ["review", "block_step", "index", "real", "imaginary"],
} as const;

/** The file name of a table in a run folder. */
export function tableFile(table: string): string {
  return `${table}.csv`;
}

export type InstrumentTable = keyof typeof INSTRUMENT_TABLES;

/** A row of an instrument's table without its place: one cell a column; null is an empty field. */
export interface InstrumentRow {
  readonly table: InstrumentTable;
  readonly cells: readonly (string | number | null)[];
}

/** A row of a table whose last columns are `metric` and `value`; a value that is not finite is missing. */
export function metricRow(
  table: InstrumentTable,
  keys: readonly (string | number)[],
  metric: string,
  value: number,
): InstrumentRow {
  return { table, cells: [...keys, metric, Number.isFinite(value) ? value : null] };
}
