import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { type CsvRecord, parseCsv } from "../libraries/csv.ts";
import { finishedLines, type ReadLinesOptions } from "./finished_lines.ts";

/** What a file must be to be read as a table. */
export interface TableShape extends ReadLinesOptions {
  readonly columns: readonly string[];
  /** How a table that is not as it was written can be mended. */
  readonly hint: string;
}

/**
 * The records behind the header of a table that epsilon wrote, one by one in bounded memory; a half-written last line is
 * none. Throws DataError with the line for another header or a broken record, or when the file cannot be read.
 */
export async function* readTable(
  path: string,
  { columns, hint, ...options }: TableShape,
): AsyncGenerator<CsvRecord, void> {
  const wanted = columns.join(",");
  let header = true;
  for await (const record of parseCsv(finishedLines(path, options), { name: path })) {
    if (header) {
      const { values, line } = record;
      const fits = values.length === columns.length && columns.every((column, i) => values[i] === column);
      if (!fits) throw fieldFault({ path, line, hint }, "header", values.join(","), wanted);
      header = false;
    } else {
      yield record;
    }
  }
  if (header) throw fieldFault({ path, line: 1, hint }, "header", "nothing", wanted);
}

/** Where a fault stands, and how it can be mended. */
export interface FaultPlace {
  readonly path: string;
  readonly line: number;
  readonly hint: string;
}

/** The error for a field that is none of its column. */
export function fieldFault({ path, line, hint }: FaultPlace, column: string, found: string, wanted: string): DataError {
  return new DataError(
    `Cannot read ${printable(path)}, line ${line}: ${column} is "${printable(found)}", wanted ${wanted}`,
    hint,
  );
}
