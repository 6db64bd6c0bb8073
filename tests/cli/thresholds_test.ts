import assert from "node:assert/strict";
import { readThresholds } from "../../src/cli/thresholds.ts";
import { UsageError } from "../../src/errors.ts";

Deno.test("thresholds are one number or a range with both ends, without the crumbs of binary fractions", () => {
  assert.deepEqual(readThresholds("0.5"), [0.5]);
  assert.deepEqual(readThresholds("1"), [1]);
  assert.deepEqual(readThresholds("0.1:1:0.1"), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  assert.deepEqual(readThresholds("0.1:1:0.4"), [0.1, 0.5, 0.9]);
  assert.deepEqual(readThresholds("0.3:0.3:7"), [0.3]);
  assert.deepEqual(readThresholds(".25:1e0:.25"), [0.25, 0.5, 0.75, 1]);
  assert.equal(readThresholds("0.001:1:0.001").length, 1000);
});

Deno.test("whatever else stands there is refused with what is wrong", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["0.9:0.1:0.1", /the first threshold, 0.9, lies above the last, 0.1/],
    ["0.1:0.9:0", /the step is 0/],
    ["0.1:0.9:-0.1", /"-0.1" is no number/],
    ["0.1:0.9", /found 2 parts/],
    ["0.1:0.9:0.1:1", /found 4 parts/],
    ["0:1:0.1", /0 is no threshold/],
    ["0.5:1.5:0.1", /1.5 is no threshold/],
    ["2", /2 is no threshold/],
    ["NaN", /"NaN" is no number/],
    ["0.1:Infinity:0.1", /"Infinity" is no number/],
    ["0.1:1e999:0.1", /Infinity is no threshold/],
    ["0.000001:1:0.000001", /1000000 thresholds, at most 1000/],
    ["0.1:1:1e-300", /thresholds, at most 1000/],
    ["0.1:1:1e-999", /the step is 0/],
    [":", /found 2 parts/],
    ["::", /"" is no number/],
    ["0,5", /"0,5" is no number/],
    ["0x1", /"0x1" is no number/],
  ];
  for (const [text, pattern] of cases) {
    assert.throws(() => readThresholds(text), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, pattern);
      return true;
    }, text);
  }
});
