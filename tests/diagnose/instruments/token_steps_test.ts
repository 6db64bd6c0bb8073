import assert from "node:assert/strict";
import { tokenRows } from "../../../src/diagnose/instruments/token_steps.ts";
import { cellsOf } from "./cells.ts";

Deno.test("a review is kept token by token, and no token breaks its row", () => {
  const review = { review: 7, label: 1, tokens: ["[CLS]", "a\nb", "<script>"], steps: Uint8Array.of(3, 1, 2) };
  assert.deepEqual(cellsOf(tokenRows({ ...review, predicted: 0 }, 2), "tokens"), [
    [7, "positive", "negative", 0, "[CLS]", 3],
    [7, "positive", "negative", 1, "a\\u{a}b", 1],
    [7, "positive", "negative", 2, "<script>", 2],
  ]);
  assert.deepEqual(cellsOf(tokenRows({ ...review, predicted: undefined }, 3), "tokens")[0].slice(0, 3), [7, "1", null]);
});
