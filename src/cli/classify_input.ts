import { isTooDeep } from "../data/json_depth.ts";
import { readLines } from "../data/lines.ts";
import { ReplacementCounter } from "../data/utf8.ts";
import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { parseCsv } from "../libraries/csv.ts";
import { suggestName } from "../nearest.ts";

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

/** A byte order mark at the start of a source is dropped where its lines are cut; any other one is text. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What was met while texts were read. */
export interface InputReport {
  /** Places where bytes were not UTF-8 and became U+FFFD. */
  replaced: number;
}

/**
 * The texts of `source`, in their order and in bounded memory. Throws DataError, naming `name` and the line, for binary
 * data, a missing column or key, a broken record, or a line above 32 MiB. `report` is filled on the way.
 */
export function readTexts(
  source: AsyncIterable<Uint8Array>,
  format: TextFormat,
  name: string,
  report: InputReport,
): AsyncGenerator<TextRecord> {
  const checked = checkedText(source, name, report);
  if (format.kind === "csv") return readCsv(checked, format, name);
  return format.kind === "jsonl" ? readJsonLines(checked, format.textKey, name) : readPlainLines(checked, name);
}

async function* readPlainLines(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<TextRecord> {
  for await (const { bytes } of readLines(source, name)) {
    const text = decoder.decode(bytes).replace(/\r$/, "");
    yield { text, columns: [["text", text]] };
  }
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
  for await (const { bytes, line } of readLines(source, name)) {
    const json = decoder.decode(bytes);
    if (json.trim() === "") continue;
    const place = `${printable(name)}, line ${line}`;
    const value = parseJson(json, place);
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

function parseJson(json: string, place: string): unknown {
  if (isTooDeep(json)) {
    throw new DataError(`Cannot read ${place}: its lists and objects are nested too deep`, "Leave that column out.");
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    const reason = error instanceof Error ? printable(error.message) : "broken";
    throw new DataError(`Cannot read ${place}: ${reason}`, "Write one JSON object on each line.", { cause: error });
  }
}

async function* checkedText(
  source: AsyncIterable<Uint8Array>,
  name: string,
  report: InputReport,
): AsyncGenerator<Uint8Array> {
  const counter = new ReplacementCounter();
  for await (const bytes of source) {
    if (bytes.includes(0)) {
      throw new DataError(`Cannot read ${printable(name)}: it is binary, a NUL byte was found`, "Give a text file.");
    }
    report.replaced += counter.count(bytes, false);
    yield bytes;
  }
  report.replaced += counter.count(new Uint8Array(0), true);
}
