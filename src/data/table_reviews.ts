import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { suggestName } from "../nearest.ts";
import { parseCsv } from "../libraries/csv.ts";
import { isTooDeep } from "./json_depth.ts";
import { readLines } from "./lines.ts";
import { parseLabel, type ReadOptions, type ReadReport, type Review } from "./review.ts";
import { decodeUtf8, refuseBinary, ReplacementCounter } from "./utf8.ts";

export type TableKind = "csv" | "tsv" | "jsonl";

type Columns = Pick<ReadOptions, "textColumn" | "labelColumn">;

const TEXT_NAMES = ["text", "review", "sentence"];
const LABEL_NAMES = ["label", "sentiment", "class"];

/**
 * How a table is written: by the end of its name (`.gz` aside), else by its first bytes: JSONL begins with `{`, TSV has a
 * tab in its first line.
 */
export function tableKind(path: string, head: Uint8Array): TableKind {
  const ending = /\.(csv|tsv|tab|jsonl|ndjson|json)(\.gz)?$/i.exec(path)?.[1].toLowerCase();
  if (ending === "csv") return "csv";
  if (ending === "tsv" || ending === "tab") return "tsv";
  if (ending !== undefined) return "jsonl";
  const start = new TextDecoder().decode(head).trimStart();
  if (start.startsWith("{")) return "jsonl";
  return start.split("\n", 1)[0].includes("\t") ? "tsv" : "csv";
}

/**
 * The reviews of a CSV, TSV or JSONL file, in its order.
 *
 * @throws DataError with the line for a ragged or broken record, an unknown column, a text that is none or a label that
 * is not 0, 1, neg, pos, negative or positive; also for a binary file and one without reviews.
 */
export async function* readTable(
  source: AsyncIterable<Uint8Array>,
  path: string,
  kind: TableKind,
  columns: Columns,
  report: ReadReport,
): AsyncGenerator<Review> {
  report.kind = "table";
  const name = printable(path);
  yield* kind === "jsonl" ? readJsonl(source, name, columns, report) : readCsv(source, name, kind, columns, report);
  if (report.reviews > 0) return;
  throw new DataError(`Cannot read ${name}: it has no reviews`, "Give a file with one review a record.");
}

async function* readCsv(
  source: AsyncIterable<Uint8Array>,
  name: string,
  kind: TableKind,
  columns: Columns,
  report: ReadReport,
): AsyncGenerator<Review> {
  const records = parseCsv(checkedText(source, name, report), { name, delimiter: kind === "tsv" ? "\t" : "," });
  let places: readonly [text: number, label: number] | undefined;
  for await (const { values, line } of records) {
    if (places === undefined) {
      const [text, label] = columnNames(values, columns, name);
      places = [values.indexOf(text), values.indexOf(label)];
      continue;
    }
    report.reviews++;
    yield { text: values[places[0]], label: labelOf(values[places[1]], name, line), name: `line ${line}` };
  }
}

async function* checkedText(
  source: AsyncIterable<Uint8Array>,
  name: string,
  report: ReadReport,
): AsyncGenerator<Uint8Array> {
  const counter = new ReplacementCounter();
  for await (const piece of source) {
    refuseBinary(piece, name);
    report.replaced += counter.count(piece, false);
    yield piece;
  }
  report.replaced += counter.count(new Uint8Array(0), true);
}

async function* readJsonl(
  source: AsyncIterable<Uint8Array>,
  name: string,
  columns: Columns,
  report: ReadReport,
): AsyncGenerator<Review> {
  let keys: readonly [text: string, label: string] | undefined;
  for await (const { bytes, line } of readLines(source, name)) {
    refuseBinary(bytes, name);
    const { text: json, replaced } = decodeUtf8(bytes);
    report.replaced += replaced;
    if (json.trim() === "") continue;
    const record = parseObject(json, name, line);
    keys ??= columnNames(Object.keys(record), columns, name);
    const [textKey, labelKey] = keys;
    const text = Object.hasOwn(record, textKey) ? record[textKey] : undefined;
    if (typeof text !== "string") {
      throw new DataError(
        `Cannot read ${name}, line ${line}: ${printable(textKey)} is not a text`,
        "Give every line the same keys, and texts as strings.",
      );
    }
    const label = labelOf(Object.hasOwn(record, labelKey) ? record[labelKey] : undefined, name, line);
    report.reviews++;
    yield { text, label, name: `line ${line}` };
  }
}

function parseObject(json: string, name: string, line: number): Record<string, unknown> {
  if (isTooDeep(json)) {
    throw new DataError(
      `Cannot read ${name}, line ${line}: its lists and objects are nested too deep`,
      "Give one flat JSON object a line.",
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new DataError(`Cannot read ${name}, line ${line}: the JSON is broken`, "Give one JSON object a line.", {
      cause: error,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DataError(`Cannot read ${name}, line ${line}: it is no JSON object`, "Give one JSON object a line.");
}

function columnNames(found: readonly string[], columns: Columns, name: string): readonly [string, string] {
  const pick = (asked: string | undefined, usual: readonly string[], part: string): string => {
    const column = asked === undefined
      ? usual.flatMap((one) => found.filter((other) => other.trim().toLowerCase() === one)).at(0)
      : found.find((other) => other === asked);
    if (column !== undefined) return column;
    const option = `Name it with --${part}-column.`;
    throw new DataError(
      `Cannot find the ${part} column ${asked === undefined ? "" : `${printable(asked)} `}in ${name}: it has ${
        printable(found.join(", "))
      }`,
      asked === undefined ? option : suggestName(asked, found, option),
    );
  };
  return [pick(columns.textColumn, TEXT_NAMES, "text"), pick(columns.labelColumn, LABEL_NAMES, "label")];
}

function labelOf(value: unknown, name: string, line: number): 0 | 1 {
  const label = parseLabel(value);
  if (label !== undefined) return label;
  const shown = value === undefined ? "nothing" : printable(JSON.stringify(value));
  throw new DataError(
    `Cannot read ${name}, line ${line}: the label is ${shown}`,
    "Use 0 or 1, neg or pos, negative or positive; name another column with --label-column.",
  );
}
