import assert from "node:assert/strict";
import { readTexts, type TextFormat } from "../../../src/cli/classify_input.ts";
import { emptyReport, type Review } from "../../../src/data/review.ts";
import { readTable, type TableKind } from "../../../src/data/table_reviews.ts";
import { formatCsvRow, parseCsv } from "../../../src/libraries/csv.ts";
import type { SeededRandom } from "../../seeded_random.ts";
import { HOSTILE_TEXTS, type Mutator } from "../mutate.ts";
import { bytesOf, type FuzzTarget, pieces } from "../target.ts";

const FIELDS = [
  "good",
  "",
  " ",
  "0",
  "1",
  '"',
  '""',
  "a,b",
  "a\tb",
  "two\nlines",
  "two\r\nlines",
  "\r",
  "Grâce",
  "🎬",
  "\\",
];

const CSV = bytesOf(
  "text,label\ngood,1\nbad,0\n",
  'text,label,id\r\n"He said ""no"", twice",neg,1\r\n"two\nlines",pos,2\r\n',
  "\ufefflabel\ttext\n1\tgood\n0\tbad\n",
  "text,label\rgood,1\rbad,0\r",
);

/** Every kind of quoting, line ending and field length. */
function madeCsv({ random }: Mutator): Uint8Array {
  const delimiter = random.pick([",", ",", "\t", ";"]);
  const end = random.pick(["\n", "\r\n", "\r"]);
  const columns = 2 + random.below(3);
  const field = () => random.chance(0.2) ? random.pick(HOSTILE_TEXTS) : random.pick(FIELDS);
  const written = (text: string) =>
    random.chance(0.9) && /["\r\n,\t;]/.test(text) || random.chance(0.1) ? `"${text.replaceAll('"', '""')}"` : text;
  const header = ["text", "label", "id", "text", field()].slice(0, columns);
  const rows = Array.from({ length: random.below(12) }, () => {
    const count = random.chance(0.97) ? columns : random.below(6);
    return Array.from({ length: count }, (_, c) => c === 1 ? random.pick(["0", "1", "pos", "NEG", "2", ""]) : field());
  });
  const text = [header, ...rows].map((row) => row.map(written).join(delimiter)).join(end) +
    (random.chance(0.5) ? end : "");
  return new TextEncoder().encode(text);
}

async function reviewsOf(input: Uint8Array, kind: TableKind, split?: number): Promise<Review[]> {
  return await Array.fromAsync(readTable(pieces(input, split), `x.${kind}`, kind, {}, emptyReport()));
}

/** The texts that `classify` reads, with all their columns. */
async function textsOf(input: Uint8Array, format: TextFormat, split?: number) {
  return await Array.fromAsync(readTexts(pieces(input, split), format, "x", { replaced: 0 }));
}

const textAndLabel = (reviews: readonly Review[]) => reviews.map(({ text, label }) => [text, label]);

/** Where the input is cut must not matter. */
function anywhere(input: Uint8Array): number {
  return Math.floor(input.length / 2);
}

export const CSV_TABLES: FuzzTarget = {
  name: "csv",
  weight: 4,
  words: [",", "\n", "\r\n", '"', '""', "text", "label", "\t", "neg", "1"],
  examples: CSV,
  generate: madeCsv,
  async read(input) {
    const values = async (text: Uint8Array) =>
      (await Array.fromAsync(parseCsv(pieces(text, anywhere(text)), { name: "x" }))).map((record) => record.values);
    const records = await values(input);
    // A record of one empty field is an empty line, which is no record.
    const kept = records.filter((record) => record.length > 1 || record[0] !== "");
    const written = new TextEncoder().encode(kept.map((record) => formatCsvRow(record, { text: "as it is" })).join(""));
    if (!kept.some(([first]) => first?.startsWith("\ufeff"))) assert.deepEqual(await values(written), kept);
    const kind = new TextDecoder().decode(input.subarray(0, 100)).includes("\t") ? "tsv" : "csv";
    const reviews = await reviewsOf(input, kind);
    const rows = reviews.map(({ text, label }) => formatCsvRow([text, label], { text: "as it is" }));
    const again = await reviewsOf(new TextEncoder().encode(formatCsvRow(["text", "label"]) + rows.join("")), "csv");
    assert.deepEqual(textAndLabel(again), textAndLabel(reviews));
    const format = { kind: "csv", textColumn: "text", delimiter: kind === "tsv" ? "\t" : "," } as const;
    assert.deepEqual((await textsOf(input, format)).map(({ text }) => text), reviews.map(({ text }) => text));
  },
};

const JSONL = bytesOf(
  '{"text":"good","label":1}\n{"text":"bad","label":0}\n',
  '\ufeff{"review":"a \\u00e9 \\ud83c\\udfac","sentiment":"pos","more":{"a":[1,2]}}\r\n\n{"review":"b","sentiment":"neg"}',
);

function madeJsonl(mutator: Mutator): Uint8Array {
  const { random } = mutator;
  const lines = Array.from({ length: 1 + random.below(6) }, () => {
    const value = { text: random.pick(FIELDS), label: random.pick([0, 1, "pos", "negative"]), id: random.below(9) };
    return JSON.stringify(random.chance(0.2) ? mutator.mutateJson(value) : value);
  });
  return new TextEncoder().encode(lines.join(random.pick(["\n", "\r\n", "\n\n"])));
}

function madeReviews(random: SeededRandom): Uint8Array {
  return new TextEncoder().encode(Array.from({ length: random.below(20) }, () => random.pick(FIELDS)).join("\n"));
}

export const JSON_LINES: FuzzTarget = {
  name: "jsonl",
  weight: 6,
  words: ['{"text":', '"label":', "{", "}", "[", "]", "null", "1", "\n", "\\u0000", '"'],
  examples: JSONL,
  generate: madeJsonl,
  async read(input) {
    const reviews = await reviewsOf(input, "jsonl", anywhere(input));
    const written = reviews.map(({ text, label }) => `${JSON.stringify({ text, label })}\n`).join("");
    assert.deepEqual(textAndLabel(await reviewsOf(new TextEncoder().encode(written), "jsonl")), textAndLabel(reviews));
    const texts = await textsOf(input, { kind: "jsonl", textKey: "text" }, anywhere(input));
    const objects = texts.map(({ columns }) => `${JSON.stringify(Object.fromEntries(columns))}\n`).join("");
    const again = await textsOf(new TextEncoder().encode(objects), { kind: "jsonl", textKey: "text" });
    // JSON knows no negative zero.
    assert.equal(JSON.stringify(again), JSON.stringify(texts));
  },
};

export const PLAIN_LINES: FuzzTarget = {
  name: "lines",
  weight: 4,
  words: ["\n", "\r\n", "\r", "good", "[SEP]", "\ufeff"],
  examples: bytesOf("good\nbad\n", "\ufeffa\r\nb\r\n\r\n", "no end"),
  generate: ({ random }) => madeReviews(random),
  async read(input) {
    const texts = (await textsOf(input, { kind: "lines" }, anywhere(input))).map(({ text }) => text);
    const written = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(""));
    // A mark at the start of the first text would be taken for the file's, and a final \r for a line's.
    if (texts[0]?.startsWith("\ufeff") || texts.some((text) => text.endsWith("\r"))) return;
    assert.deepEqual((await textsOf(written, { kind: "lines" })).map(({ text }) => text), texts);
  },
};
