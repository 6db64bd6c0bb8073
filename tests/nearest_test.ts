import assert from "node:assert/strict";
import { editDistance, nearestName } from "../src/nearest.ts";

Deno.test("edit distance counts insertions, deletions, substitutions and swaps of neighbours", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("abc", ""), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("epohcs", "epochs"), 1);
  assert.equal(editDistance("seed", "seed"), 0);
});

Deno.test("the nearest name is found, and none when all are far", () => {
  assert.equal(nearestName("epoch", ["seed", "epochs", "dropout"]), "epochs");
  assert.equal(nearestName("--lerning-rate", ["--learning-rate", "--warmup-steps"]), "--learning-rate");
  assert.equal(nearestName("zzzz", ["seed", "epochs"]), undefined);
});
