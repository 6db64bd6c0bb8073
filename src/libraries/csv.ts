import { CsvError, parse } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import { Readable } from "node:stream";
import { DataError } from "../errors.ts";
import { escapeControls, printable } from "../files/printable.ts";

/** One record of a CSV file; the header is a record like any other. */
export interface CsvRecord {
  readonly values: readonly string[];
  /** Line on which the record starts, from 1. */
  readonly line: number;
}

export interface CsvParseOptions {
  /** Name of the source in error messages. */
  readonly name: string;
  /** One character; default a comma. */
  readonly delimiter?: string;
}

/** A value of a CSV field; missing and non-finite values become empty fields (interface, "CSV rules"). */
export type CsvValue = string | number | bigint | boolean | null | undefined;

export interface CsvFormatOptions {
  /** One character; default a comma. */
  readonly delimiter?: string;
  /**
   * How text is written. `shown`, the default, is for what epsilon itself makes: control characters become `\u{…}`, and
   * `'` stands before what a spreadsheet program would run as a formula (more than one character, the first of them
   * `= + - @`, also in full width, a tab or a line break, and no number). `guarded` does the latter alone, `as it is`
   * nothing.
   */
  readonly text?: "shown" | "guarded" | "as it is";
}

const LARGEST_RECORD = 32 * 1024 * 1024;

/**
 * Reads CSV (RFC 4180, UTF-8; a byte order mark is skipped, blank lines too) record by record, in bounded memory.
 * Bytes that are not UTF-8 become U+FFFD.
 *
 * @throws DataError with the line number for a record of another length than the first, a stray or unclosed quote, or a
 * record above 32 MiB; what `source` throws passes through.
 */
export async function* parseCsv(
  source: string | AsyncIterable<Uint8Array>,
  options: CsvParseOptions,
): AsyncGenerator<CsvRecord, void, undefined> {
  const lines = new LineCounter();
  const starts = new WeakMap<readonly string[], number>();
  const parser = parse({
    bom: true,
    delimiter: options.delimiter ?? ",",
    max_record_size: LARGEST_RECORD,
    on_record: (values, context) => {
      starts.set(values, lines.start(values, context.lines));
      return values;
    },
    // Left to itself csv-parse takes the first line's ending for all, and reads a mixture as one long record.
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
  });
  const input = Readable.from(typeof source === "string" ? [source] : source);
  // `pipe` passes no errors on, and a parser that waits for a broken source would wait forever.
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  try {
    for await (const values of parser as AsyncIterable<string[]>) yield { values, line: starts.get(values) ?? 0 };
  } catch (error) {
    throw error instanceof CsvError ? csvError(error, options.name, lines) : error;
  } finally {
    input.destroy();
    parser.destroy();
  }
}

/** Tells on which line a record starts: csv-parse counts where it ends, and a \r\n inside quotes as two lines. */
class LineCounter {
  #surplus = 0;
  /** Last line of the last record. */
  #end = 0;

  start(values: readonly string[], counted: number): number {
    let breaks = 0;
    for (const value of values) {
      if (!value.includes("\n") && !value.includes("\r")) continue;
      breaks += value.match(/\r\n|\n|\r/g)?.length ?? 0;
      this.#surplus += value.match(/\r\n/g)?.length ?? 0;
    }
    this.#end = counted - this.#surplus;
    return this.#end - breaks;
  }

  errorLine(error: CsvError): number {
    if (error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE") return this.#end + 1;
    if (Array.isArray(error.record)) return this.start(error.record.map(String), Number(error.lines));
    return Number(error.lines) - this.#surplus;
  }
}

/** One CSV record with its `\n`: RFC 4180 quoting, shortest numbers that read back as the same double. */
export function formatCsvRow(values: readonly CsvValue[], options: CsvFormatOptions = {}): string {
  return stringify([values.map((value) => field(value, options.text ?? "shown"))], {
    delimiter: options.delimiter ?? ",",
    // csv-stringify leaves a lone \r bare, which many readers take for the end of a record.
    quoted_match: /\r/,
    record_delimiter: "\n",
  });
}

/** What spreadsheet programs take for a formula; a sign alone, such as a token of a review, is none. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]./s;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function field(value: CsvValue, written: NonNullable<CsvFormatOptions["text"]>): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return "";
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (typeof value !== "string" || written === "as it is") return String(value);
  const text = written === "shown" ? escapeControls(value) : value;
  return FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
}

function csvError(error: CsvError, name: string, lines: LineCounter): DataError {
  const at = `Cannot read ${printable(name)}, line ${lines.errorLine(error)}`;
  switch (error.code) {
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return new DataError(
        `${at}: ${error.message.replace(/^.*?expect (\d+), got (\d+).*$/, "wanted $1 fields, found $2")}`,
        "Give every record as many fields as the header; quote fields that hold a delimiter.",
        { cause: error },
      );
    case "CSV_MAX_RECORD_SIZE":
      return new DataError(`${at}: the record is larger than 32 MiB`, "Look for a quote that is never closed.", {
        cause: error,
      });
    case "CSV_QUOTE_NOT_CLOSED":
      return new DataError(`${at}: a quote is never closed`, "Close the quote, or double the quotes inside a field.", {
        cause: error,
      });
    default:
      return new DataError(`${at}: ${printable(error.message)}`, 'Quote fields as "…" and double the quotes inside.', {
        cause: error,
      });
  }
}
