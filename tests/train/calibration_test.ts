import assert from "node:assert/strict";
import fc from "fast-check";
import { calibrationOf, softmax } from "../../src/train/calibration.ts";

/** Logits of two classes whose larger probability is `confidence`, for class `predicted`. */
function logitsOf(rows: readonly (readonly [predicted: 0 | 1, confidence: number])[]): Float64Array {
  const logits = new Float64Array(rows.length * 2);
  rows.forEach(([predicted, confidence], r) => logits[2 * r + predicted] = Math.log(confidence / (1 - confidence)));
  return logits;
}

const near = (found: number, wanted: number) => assert.ok(Math.abs(found - wanted) < 1e-12, `${found}, ${wanted}`);

Deno.test("calibration of a few predictions agrees with values worked out by hand", () => {
  // Confidences 0.9, 0.92 and 0.61 lie in bins 13, 13 and 9 of 15; the second and third are wrong.
  const found = calibrationOf(logitsOf([[1, 0.9], [0, 0.92], [1, 0.61]]), [1, 1, 0], 2);
  near(found.accuracy, 1 / 3);
  near(found.ece, (Math.abs(1 - 1.82) + 0.61) / 3);
  near(found.mce, 0.61);
  near(found.brier, (2 * 0.1 ** 2 + 2 * 0.92 ** 2 + 2 * 0.61 ** 2) / 3);
});

Deno.test("certain and right predictions have no error, certain and wrong ones all of it", () => {
  const logits = [-500, 500, 500, -500];
  assert.deepEqual(calibrationOf(logits, [1, 0], 2), { accuracy: 1, ece: 0, mce: 0, brier: 0 });
  assert.deepEqual(calibrationOf(logits, [0, 1], 2), { accuracy: 0, ece: 1, mce: 1, brier: 2 });
});

Deno.test("equal logits predict the first class", () => {
  assert.equal(calibrationOf([0.5, 0.5], [0], 2).accuracy, 1);
  assert.equal(calibrationOf([0.5, 0.5], [1], 2).accuracy, 0);
});

Deno.test("no review or a logit that is not finite gives NaN, not a number that looks right", () => {
  for (const found of [calibrationOf([], [], 2), calibrationOf([NaN, 1], [1], 2)]) {
    assert.deepEqual(found, { accuracy: NaN, ece: NaN, mce: NaN, brier: NaN });
  }
});

Deno.test("probabilities of any logits sum to 1 and do not overflow", () => {
  const logits = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { minLength: 2, maxLength: 6 });
  fc.assert(fc.property(logits, (row) => {
    const sum = softmax(row, 0, row.length, new Float64Array(row.length)).reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-12);
  }));
});

Deno.test("the expected error lies between 0 and the maximum error, which is at most 1", () => {
  const row = fc.tuple(fc.double({ min: -30, max: 30, noNaN: true }), fc.double({ min: -30, max: 30, noNaN: true }));
  fc.assert(fc.property(fc.array(fc.tuple(row, fc.nat(1)), { minLength: 1, maxLength: 50 }), (cases) => {
    const found = calibrationOf(cases.flatMap(([logits]) => logits), cases.map(([, label]) => label), 2);
    assert.ok(found.ece >= 0 && found.ece <= found.mce + 1e-12 && found.mce <= 1);
    assert.ok(found.brier >= 0 && found.brier <= 2);
  }));
});
