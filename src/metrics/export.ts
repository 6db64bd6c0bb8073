import { escapedJson } from "../files/escaped_json.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import { findRuns, type ReadRowsOptions, readRunRows, type RunSource } from "./run_rows.ts";
import { METRIC_COLUMNS, type MetricRow } from "./schema.ts";
import { metricColumns, pivot, type WideRow } from "./wide.ts";

/** Version of the JSON lines, in each of them. */
const JSON_LINES_VERSION = 1;

export interface ExportOptions extends ReadRowsOptions {
  readonly format: "csv" | "jsonl";
  /** One column for each metric instead of one row for each value. */
  readonly wide: boolean;
}

type Cells = readonly (string | number | null)[];

const KEY_COLUMNS = ["run", "step", "epoch", "split"] as const;
const PIECE = 32_768;

/**
 * The metrics and timing of many runs as one table, ordered by run and step, in pieces of text. Memory does not grow with
 * the runs. CSV as in the interface's rules, with a header; JSONL with one object a line, missing values null. Runs of
 * one name (one configuration trained twice) are told apart by their paths.
 * Throws DataError with file and line when a table is broken, UsageError when a folder is named twice.
 */
export async function* exportRuns(folders: readonly string[], options: ExportOptions): AsyncGenerator<string, void> {
  const sources = await findRuns(folders);
  const table = options.wide ? await wideTable(sources, options) : tidyTable(sources, options);
  let piece = options.format === "csv" ? formatCsvRow(table.columns) : "";
  for await (const cells of table.rows) {
    // A run's name may come from a file that another program wrote, and spreadsheet programs run formulas.
    piece += options.format === "csv" ? formatCsvRow(cells) : jsonLine(table.columns, cells);
    if (piece.length >= PIECE) {
      yield piece;
      piece = "";
    }
  }
  if (piece !== "") yield piece;
}

function jsonLine(columns: readonly string[], cells: Cells): string {
  const record = Object.fromEntries(columns.map((column, i) => [column, cells[i]]));
  return `${escapedJson({ version: JSON_LINES_VERSION, ...record })}\n`;
}

interface Table {
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<Cells>;
}

function tidyTable(sources: readonly RunSource[], options: ReadRowsOptions): Table {
  async function* rows(): AsyncGenerator<Cells, void> {
    for await (const row of allRows(sources, options)) yield METRIC_COLUMNS.map((column) => row[column]);
  }
  return { columns: METRIC_COLUMNS, rows: rows() };
}

async function wideTable(sources: readonly RunSource[], options: ReadRowsOptions): Promise<Table> {
  const metrics = await metricColumns(allRows(sources, {}));
  async function* rows(): AsyncGenerator<Cells, void> {
    for await (const row of pivot(allRows(sources, options))) yield wideCells(row, metrics);
  }
  return { columns: [...KEY_COLUMNS, ...metrics], rows: rows() };
}

function wideCells(row: WideRow, metrics: readonly string[]): Cells {
  return [...KEY_COLUMNS.map((column) => row[column]), ...metrics.map((metric) => row.values.get(metric) ?? null)];
}

async function* allRows(sources: readonly RunSource[], options: ReadRowsOptions): AsyncGenerator<MetricRow, void> {
  for (const source of sources) yield* readRunRows(source, options);
}
