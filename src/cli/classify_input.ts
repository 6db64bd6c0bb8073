import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { parseCsv } from "../libraries/csv.ts";
import { suggestName } from "./nearest.ts";

/** A column's name and value. */
export type Column = readonly [name: string, value: unknown];

/** One text to be labelled, with the columns that came with it, itself included, in their order. */
export interface TextRecord {
  readonly text: string;
  readonly columns: readonly Column[];
}

/** How the texts lie in their source. */
export type TextFormat =
  | { readonly kind: "lines" }
  | { readonly kind: "csv"; readonly textColumn: string; readonly delimiter: "," | "\t" }
  | { readonly kind: "jsonl"; readonly textKey: string };

const LONGEST_LINE = 16 * 1024 * 1024;
const NEW_LINE = 10;

/** The bytes of the file at `path`, piece by piece; throws DataError when it cannot be read. */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    using file = await Deno.open(path);
    yield* file.readable;
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
}

/**
 * The texts of `source`, in their order and in bounded memory. Throws DataError, naming `name` and the line, for binary
 * data, a missing column or key, a broken record, or a line above 16 MiB.
 */
export function readTexts(
  source: AsyncIterable<Uint8Array>,
  format: TextFormat,
  name: string,
): AsyncGenerator<TextRecord> {
  const checked = refuseBinary(source, name);
  if (format.kind === "csv") return readCsv(checked, format, name);
  return format.kind === "jsonl" ? readJsonLines(checked, format.textKey, name) : readPlainLines(checked, name);
}

async function* readPlainLines(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<TextRecord> {
  for await (const { text } of readLines(source, name)) yield { text, columns: [["text", text]] };
}

async function* readCsv(
  source: AsyncIterable<Uint8Array>,
  { textColumn, delimiter }: TextFormat & { kind: "csv" },
  name: string,
): AsyncGenerator<TextRecord> {
  let header: readonly string[] | undefined;
  for await (const { values } of parseCsv(source, { name, delimiter })) {
    if (header === undefined) {
      header = values;
      requireColumns(header, textColumn, name);
      continue;
    }
    const columns = header.map((column, i): Column => [column, values[i]]);
    yield { text: values[header.indexOf(textColumn)], columns };
  }
  if (header === undefined) throw new DataError(`Cannot read ${printable(name)}: it is empty`, "Give a header line.");
}

function requireColumns(header: readonly string[], textColumn: string, name: string): void {
  if (!header.includes(textColumn)) {
    throw new DataError(
      `Cannot find column ${printable(textColumn)} in ${printable(name)}: it has ${printable(header.join(", "))}`,
      suggestName(textColumn, header, "Name one of them with --text-column."),
    );
  }
  const twice = header.find((column, i) => header.indexOf(column) !== i);
  if (twice !== undefined) {
    throw new DataError(
      `Cannot read ${printable(name)}: column ${printable(twice)} stands twice`,
      "Give each column another name.",
    );
  }
}

async function* readJsonLines(
  source: AsyncIterable<Uint8Array>,
  textKey: string,
  name: string,
): AsyncGenerator<TextRecord> {
  for await (const { text: line, number } of readLines(source, name)) {
    if (line.trim() === "") continue;
    const place = `${printable(name)}, line ${number}`;
    const value = parseJson(line, place);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new DataError(`Cannot read ${place}: no JSON object`, "Write one object on each line.");
    }
    const columns: Column[] = Object.entries(value);
    const text = columns.find(([key]) => key === textKey)?.[1];
    if (typeof text !== "string") {
      throw new DataError(
        `Cannot read ${place}: key ${printable(textKey)} is ${text === undefined ? "missing" : "no text"}`,
        suggestName(textKey, columns.map(([key]) => key), "Name the key of the text with --text-key."),
      );
    }
    yield { text, columns };
  }
}

function parseJson(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const reason = error instanceof Error ? printable(error.message) : "broken";
    throw new DataError(`Cannot read ${place}: ${reason}`, "Write one JSON object on each line.", { cause: error });
  }
}

async function* refuseBinary(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    if (bytes.includes(0)) {
      throw new DataError(`Cannot read ${printable(name)}: it is binary, a NUL byte was found`, "Give a text file.");
    }
    yield bytes;
  }
}

/** Lines without their ends (`\n` or `\r\n`); a byte order mark is skipped. */
async function* readLines(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<{ readonly text: string; readonly number: number }> {
  const decoder = new TextDecoder();
  let pieces: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const take = (bytes: Uint8Array) => {
    pieces.push(bytes);
    length += bytes.length;
    if (length > LONGEST_LINE) {
      throw new DataError(`Cannot read ${printable(name)}, line ${number + 1}: longer than 16 MiB`, "Split the line.");
    }
  };
  const finish = () => {
    const text = decoder.decode(pieces.length === 1 ? pieces[0] : joined(pieces, length)).replace(/\r$/, "");
    pieces = [];
    length = 0;
    return { text, number: ++number };
  };
  for await (const bytes of source) {
    let start = 0;
    for (let end = bytes.indexOf(NEW_LINE); end >= 0; end = bytes.indexOf(NEW_LINE, start)) {
      take(bytes.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    if (start < bytes.length) take(bytes.slice(start));
  }
  if (length > 0) yield finish();
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
