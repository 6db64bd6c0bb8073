import { type CsvRecord, formatCsvRow, parseCsv } from "../libraries/csv.ts";
import type { ReadLinesOptions } from "./finished_lines.ts";
import { METRIC_COLUMNS, type MetricRow, SPLITS } from "./schema.ts";
import { fieldFault, readTable } from "./table_csv.ts";

/** How a metrics file is read. */
export type ReadMetricsOptions = ReadLinesOptions;

/** First line of `metrics.csv` and `timing.csv`. */
export const METRICS_HEADER = formatCsvRow(METRIC_COLUMNS);

/** A row with its `\n`, its run's name as it is: shortest number that reads back as the same double; missing and non-finite are empty. */
export function formatMetricRow({ run, step, epoch, split, metric, value }: MetricRow): string {
  return formatCsvRow([run, step, epoch, split, metric, value], { text: "as it is" });
}

/**
 * The rows of a metrics file, one by one in bounded memory.
 * Throws DataError with the line for a wrong header, a broken record or a field that is none of its column.
 */
export async function* readMetrics(path: string, options: ReadMetricsOptions = {}): AsyncGenerator<MetricRow, void> {
  for await (const record of readTable(path, { ...options, columns: METRIC_COLUMNS, hint: HINT })) {
    yield metricRow(record, path);
  }
}

/**
 * The rows of a piece of a metrics file that begins and ends with whole lines, `linesBefore` of which lie before it; the
 * file's first line must be the header. Throws DataError as `readMetrics`.
 */
export async function parseMetrics(text: string, path: string, linesBefore: number): Promise<MetricRow[]> {
  const start = linesBefore === 0 ? text.indexOf("\n") + 1 : 0;
  if (linesBefore === 0 && text.slice(0, start) !== METRICS_HEADER) {
    const found = text.slice(0, Math.max(0, start - 1));
    throw fieldFault({ path, line: 1, hint: HINT }, "header", found, METRIC_COLUMNS.join(","));
  }
  const skipped = linesBefore === 0 ? 1 : linesBefore;
  const rows: MetricRow[] = [];
  for await (const record of parseCsv(text.slice(start), { name: path })) {
    rows.push(metricRow({ ...record, line: record.line + skipped }, path));
  }
  return rows;
}

const HINT = "The file was changed after epsilon wrote it; restore it or leave this run out.";

/** A metric of such a name would be two columns of one name in a wide table. */
const COLUMNS: ReadonlySet<string> = new Set(METRIC_COLUMNS);

function metricRow({ values, line }: CsvRecord, path: string): MetricRow {
  const [run, step, epoch, split, metric, value] = values;
  const knownSplit = SPLITS.find((known) => known === split);
  const fault = (column: string, found: string, wanted: string) =>
    fieldFault({ path, line, hint: HINT }, column, found, wanted);
  if (run === "") throw fault("run", run, "a name");
  if (!isCount(step)) throw fault("step", step, "a whole number");
  if (epoch !== "" && !isCount(epoch)) throw fault("epoch", epoch, "a whole number or nothing");
  if (knownSplit === undefined) throw fault("split", split, SPLITS.join(", "));
  if (!/^[a-z][a-z0-9_]*$/.test(metric) || COLUMNS.has(metric)) {
    throw fault("metric", metric, "a name in snake case, none of the columns");
  }
  if (value !== "" && !isNumber(value)) throw fault("value", value, "a finite number or nothing");
  return {
    run,
    step: Number(step),
    epoch: epoch === "" ? null : Number(epoch),
    split: knownSplit,
    metric,
    value: value === "" ? null : Number(value),
  };
}

function isCount(text: string): boolean {
  return /^(?:0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text));
}

function isNumber(text: string): boolean {
  return /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?$/.test(text) && Number.isFinite(Number(text));
}
