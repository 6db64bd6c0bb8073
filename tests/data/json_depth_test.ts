import assert from "node:assert/strict";
import { isTooDeep } from "../../src/data/json_depth.ts";
import { emptyReport } from "../../src/data/review.ts";
import { readTable } from "../../src/data/table_reviews.ts";
import { readVocabulary } from "../../src/data/vocabulary.ts";
import { readTexts } from "../../src/cli/classify_input.ts";
import { DataError } from "../../src/errors.ts";
import { inFolder, put } from "./made_files.ts";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

Deno.test("depth counts lists and objects, not brackets within texts", () => {
  assert.equal(isTooDeep(nested(1000)), false);
  assert.equal(isTooDeep(nested(1001)), true);
  assert.equal(isTooDeep(`{"a\\"${"[".repeat(2000)}": ["${"{".repeat(2000)}"]}`), false);
  assert.equal(isTooDeep(`[${"[],".repeat(2000)}[]]`), false);
});

Deno.test("JSON too deep to be written again is refused by all that read it", () =>
  inFolder(async (folder) => {
    const refused = (error: unknown) => error instanceof DataError && /nested too deep$/.test(error.message);
    const line = new TextEncoder().encode(`{"text":"a","label":1,"x":${nested(200_000)}}\n`);
    const source = () => ReadableStream.from([line]);
    const texts = readTexts(source(), { kind: "jsonl", textKey: "text" }, "x.jsonl", { replaced: 0 });
    await assert.rejects(Array.fromAsync(texts), refused);
    await assert.rejects(Array.fromAsync(readTable(source(), "x.jsonl", "jsonl", {}, emptyReport())), refused);
    await assert.rejects(readVocabulary(await put(folder, "tokenizer.json", `{"x":${nested(200_000)}}`)), refused);
  }));
