import assert from "node:assert/strict";
import { haltingRows } from "../../../src/diagnose/instruments/halting_depth.ts";
import { classTable, tokenClass } from "../../../src/diagnose/instruments/token_class.ts";
import { cellsOf } from "./cells.ts";

Deno.test("every entry of a vocabulary is of one class", () => {
  const classes: Readonly<Record<string, readonly string[]>> = {
    cls: ["[CLS]", "<s>"],
    sep: ["[SEP]", "</s>"],
    special: ["[UNK]", "[PAD]", "[MASK]", "[unused7]", "<unk>"],
    subword: ["##ing", "##7", "##!", "##é"],
    number: ["7", "1984", "½", "²"],
    punctuation: ["!", "...", "$", "+", "##", "<", "[", "—", "`"],
    word: ["film", "1980s", "don't", "café", "電", "", "x-ray"],
  };
  for (const [name, entries] of Object.entries(classes)) {
    for (const entry of entries) assert.equal(tokenClass(entry), name, entry);
  }
});

Deno.test("the histogram counts each token once in its class and once in all, zeros included", () => {
  const entries = ["[PAD]", "[CLS]", "[SEP]", "film", "##s", "!"];
  const rows = haltingRows({
    tokens: Int32Array.of(1, 3, 4, 5, 2, 1, 3, 2),
    haltingSteps: Uint8Array.of(3, 1, 1, 2, 3, 2, 1, 3),
    classes: classTable(entries),
    maxLayers: 3,
  });
  assert.deepEqual(cellsOf(rows, "halting"), [
    ...[["cls", 1, 0], ["cls", 2, 1], ["cls", 3, 1]],
    ...[["sep", 1, 0], ["sep", 2, 0], ["sep", 3, 2]],
    ...[["word", 1, 2], ["word", 2, 0], ["word", 3, 0]],
    ...[["subword", 1, 1], ["subword", 2, 0], ["subword", 3, 0]],
    ...[["punctuation", 1, 0], ["punctuation", 2, 1], ["punctuation", 3, 0]],
    ...[["all", 1, 3], ["all", 2, 2], ["all", 3, 3]],
  ]);
});

Deno.test("no token, no rows", () => {
  const none = { tokens: new Int32Array(0), haltingSteps: new Uint8Array(0), classes: new Uint8Array(0), maxLayers: 8 };
  assert.deepEqual(haltingRows(none), []);
});
