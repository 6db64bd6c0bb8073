import { INSTRUMENT_TABLES, PLACE_COLUMNS } from "../diagnose/instruments/table.ts";
import { fieldFault, readTable } from "../metrics/table_csv.ts";
import { THRESHOLD_COLUMNS } from "../metrics/threshold_csv.ts";

/** Columns of each table after the place. */
const COLUMNS = { ...INSTRUMENT_TABLES, threshold: THRESHOLD_COLUMNS } as const;

/** How the fields of a column read: a text, a whole number, or a number that may be missing. */
type Kind = "text" | "count" | "number";

/** The kind of each column; one name is of one kind in all tables. */
const KINDS = {
  run: "text",
  step: "number",
  epoch: "number",
  split: "text",
  token_class: "text",
  steps: "count",
  tokens: "count",
  head: "count",
  block_step: "count",
  metric: "text",
  value: "number",
  bins: "count",
  bin: "count",
  lower: "number",
  upper: "number",
  count: "count",
  confidence: "number",
  accuracy: "number",
  actual: "text",
  predicted: "text",
  review: "count",
  label: "text",
  position: "count",
  token: "text",
  index: "count",
  real: "number",
  imaginary: "number",
  threshold: "number",
} as const satisfies Record<ColumnName, Kind>;

type ColumnName = typeof PLACE_COLUMNS[number] | typeof COLUMNS[keyof typeof COLUMNS][number];

/** Tables beside the metrics that a report reads. */
export type TableName = keyof typeof COLUMNS;

interface Snapshot {
  /** Optimizer steps taken when it was measured; null where the checkpoint did not say. */
  readonly step: number | null;
  /** From 1; null where the table names none. */
  readonly epoch: number | null;
  readonly split: string;
}

/** A row of an instrument's table, without the run's name. */
export type InstrumentRow<Name extends TableName> =
  & Snapshot
  & {
    readonly [Column in typeof COLUMNS[Name][number]]: typeof KINDS[Column] extends "text" ? string
      : typeof KINDS[Column] extends "count" ? number
      : number | null;
  };

/**
 * The rows of an instrument's table, one by one in bounded memory. `onUnfinishedLine` is told of a half-written last
 * line, which is no row. Throws DataError with the line for a wrong header or field, or when the file cannot be read.
 */
export async function* readInstrument<Name extends TableName>(
  path: string,
  name: Name,
  onUnfinishedLine: (text: string) => void,
): AsyncGenerator<InstrumentRow<Name>, void> {
  const columns = [...PLACE_COLUMNS, ...COLUMNS[name]];
  for await (const { values, line } of readTable(path, { columns, hint: HINT, onUnfinishedLine })) {
    const row: Record<string, string | number | null> = {};
    for (const [i, column] of columns.entries()) {
      const kind = KINDS[column];
      const field = readField(values[i], kind);
      if (field === undefined) throw fieldFault({ path, line, hint: HINT }, column, values[i], WANTED[kind]);
      row[column] = field;
    }
    yield row as unknown as InstrumentRow<Name>;
  }
}

const HINT = "The file was changed after epsilon wrote it; make it again with epsilon diagnose.";

const WANTED: Readonly<Record<Kind, string>> = {
  text: "a text",
  count: "a whole number",
  number: "a finite number or nothing",
};

function readField(text: string, kind: Kind): string | number | null | undefined {
  if (kind === "text") return text;
  if (kind === "number" && text === "") return null;
  const value = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?$/.test(text) ? Number(text) : NaN;
  return (kind === "count" ? Number.isSafeInteger(value) && value >= 0 : Number.isFinite(value)) ? value : undefined;
}
