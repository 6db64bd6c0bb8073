import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { parseCsv } from "../libraries/csv.ts";
import { finishedLines } from "../metrics/finished_lines.ts";

/** How the fields of a column read: a text, a whole number, or a number that may be missing. */
type Kind = "text" | "count" | "number";

/** Columns of each instrument's table after `run,step,epoch,split`; the file is `NAME.csv` in the run folder. */
const COLUMNS = {
  halting: { token_class: "text", steps: "count", tokens: "count" },
  bins: { head: "count", block_step: "count", metric: "text", value: "number" },
  attention: { head: "count", block_step: "count", metric: "text", value: "number" },
  calibration: { metric: "text", value: "number" },
  reliability: {
    bins: "count",
    bin: "count",
    lower: "number",
    upper: "number",
    count: "count",
    confidence: "number",
    accuracy: "number",
  },
  exits: { block_step: "count", metric: "text", value: "number" },
  jacobian: { review: "count", block_step: "count", metric: "text", value: "number" },
  eigenvalues: { review: "count", block_step: "count", index: "count", real: "number", imaginary: "number" },
  confusion: { actual: "text", predicted: "text", count: "count" },
  threshold: { threshold: "number", metric: "text", value: "number" },
  tokens: { review: "count", label: "text", predicted: "text", position: "count", token: "text", steps: "count" },
} as const satisfies Record<string, Record<string, Kind>>;

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
    readonly [Column in keyof typeof COLUMNS[Name]]: typeof COLUMNS[Name][Column] extends "text" ? string
      : typeof COLUMNS[Name][Column] extends "count" ? number
      : number | null;
  };

/** The file name of an instrument's table. */
export function instrumentFile(name: TableName): string {
  return `${name}.csv`;
}

/**
 * The rows of an instrument's table, one by one in bounded memory. `onUnfinishedLine` is told of a half-written last
 * line, which is no row. Throws DataError with the line for a wrong header or field, or when the file cannot be read.
 */
export async function* readInstrument<Name extends TableName>(
  path: string,
  name: Name,
  onUnfinishedLine: (text: string) => void,
): AsyncGenerator<InstrumentRow<Name>, void> {
  const columns: [string, Kind][] = [
    ["run", "text"],
    ["step", "number"],
    ["epoch", "number"],
    ["split", "text"],
    ...Object.entries(COLUMNS[name]),
  ];
  const wanted = columns.map(([column]) => column).join(",");
  let header = true;
  for await (const { values, line } of parseCsv(finishedLines(path, { onUnfinishedLine }), { name: path })) {
    if (header) {
      if (values.join(",") !== wanted) throw fault(path, line, "header", values.join(","), wanted);
      header = false;
      continue;
    }
    const row: Record<string, string | number | null> = {};
    for (const [i, [column, kind]] of columns.entries()) {
      const field = readField(values[i], kind);
      if (field === undefined) throw fault(path, line, column, values[i], WANTED[kind]);
      row[column] = field;
    }
    yield row as unknown as InstrumentRow<Name>;
  }
  if (header) throw fault(path, 1, "header", "nothing", wanted);
}

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

function fault(path: string, line: number, column: string, found: string, wanted: string): DataError {
  return new DataError(
    `Cannot read ${printable(path)}, line ${line}: ${column} is "${printable(found)}", wanted ${wanted}`,
    "The file was changed after epsilon wrote it; make it again with epsilon diagnose.",
  );
}
