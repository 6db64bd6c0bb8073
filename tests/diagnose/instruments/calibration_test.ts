import assert from "node:assert/strict";
import fc from "fast-check";
import { calibrationRows, meanCrossEntropy } from "../../../src/diagnose/instruments/calibration_error.ts";
import { confusionRows } from "../../../src/diagnose/instruments/confusion.ts";
import { fitTemperature } from "../../../src/diagnose/instruments/temperature.ts";
import { calibrationOf } from "../../../src/train/calibration.ts";
import { cellsOf, isNear, metricsOf } from "./cells.ts";

const logit = (confidence: number) => Math.log(confidence / (1 - confidence));

/** Reviews predicted as class 1 with `confidence`, of which `right` are of that class. */
function group(confidence: number, count: number, right: number): { logits: number[]; labels: number[] } {
  return {
    logits: Array.from({ length: count }, () => [0, logit(confidence)]).flat(),
    labels: Array.from({ length: count }, (_, r) => r < right ? 1 : 0),
  };
}

function joined(...groups: readonly ReturnType<typeof group>[]) {
  return { logits: groups.flatMap(({ logits }) => logits), labels: groups.flatMap(({ labels }) => labels) };
}

Deno.test("calibration of two groups agrees with values worked out by hand", () => {
  // Of ten reviews at 0.95 six are right, of ten at 0.62 eight: ten bins part them, and so do fifteen.
  const judged = joined(group(0.95, 10, 6), group(0.62, 10, 8));
  const rows = calibrationRows({ ...judged, classes: 2, fittedOn: judged });
  const found = metricsOf(rows, "calibration");
  for (const bins of [10, 15]) {
    assert.ok(isNear(found.get(`ece_${bins}`), (0.35 + 0.18) / 2));
    assert.ok(isNear(found.get(`mce_${bins}`), 0.35));
  }
  assert.equal(found.get("reviews"), 20);
  assert.ok(isNear(found.get("accuracy"), 0.7));
  // Passing the less confident group first, the gap is 0.09, then 0.09 − 0.175.
  assert.ok(isNear(found.get("ks"), 0.09));
  assert.ok(isNear(
    found.get("cross_entropy"),
    -(0.3 * Math.log(0.95) + 0.2 * Math.log(0.05) +
      0.4 * Math.log(0.62) + 0.1 * Math.log(0.38)),
  ));
  const reliability = cellsOf(rows, "reliability").filter(([bins]) => bins === 10);
  assert.equal(reliability.length, 10);
  assert.deepEqual(reliability[0], [10, 0, 0, 0.1, 0, null, null]);
  assert.deepEqual(reliability[6].slice(0, 5), [10, 6, 0.6, 0.7, 10]);
  assert.ok(isNear(reliability[9][5] as number, 0.95) && isNear(reliability[9][6] as number, 0.6));
});

Deno.test("the temperature of one group is the one at which its confidence is its accuracy", () => {
  for (const [confidence, right] of [[0.99, 8], [0.6, 9], [0.999999, 6]] as const) {
    const found = fitTemperature(group(confidence, 10, right), 2);
    assert.ok(Math.abs(found - logit(confidence) / logit(right / 10)) < 1e-10 * found, `${found}`);
  }
});

Deno.test("no other temperature fits better, and scaling never loses cross-entropy on what it was fitted on", () => {
  const row = fc.tuple(fc.double({ min: -20, max: 20, noNaN: true }), fc.double({ min: -20, max: 20, noNaN: true }));
  fc.assert(fc.property(fc.array(fc.tuple(row, fc.nat(1)), { minLength: 1, maxLength: 40 }), (cases) => {
    const judged = { logits: cases.flatMap(([logits]) => logits), labels: cases.map(([, label]) => label) };
    const temperature = fitTemperature(judged, 2);
    if (Number.isNaN(temperature)) return;
    const at = (t: number) => meanCrossEntropy({ ...judged, logits: judged.logits.map((value) => value / t) }, 2);
    for (const factor of [0.9, 0.999, 1.001, 1.1]) assert.ok(at(temperature) <= at(temperature * factor) + 1e-12);
    assert.ok(at(temperature) <= at(1) + 1e-12);
  }));
});

Deno.test("where no temperature fits best there is none: all right, worse than chance, alike, NaN, no review", () => {
  const none = [
    group(0.9, 5, 5),
    group(0.9, 10, 3),
    { logits: [1, 1, 2, 2], labels: [0, 1] },
    { logits: [NaN, 1], labels: [1] },
    { logits: [], labels: [] },
  ];
  for (const judged of none) {
    assert.equal(fitTemperature(judged, 2), NaN);
    const found = metricsOf(calibrationRows({ ...judged, classes: 2, fittedOn: judged }), "calibration");
    assert.equal(found.get("temperature"), null);
    assert.equal(found.get("ece_15_scaled"), null);
  }
});

Deno.test("logits that are not finite leave everything but the count missing, and no reliability table", () => {
  const rows = calibrationRows({ logits: [NaN, 1, 0, 1], labels: [1, 1], classes: 2, fittedOn: undefined });
  const found = metricsOf(rows, "calibration");
  assert.equal(found.get("reviews"), 2);
  assert.deepEqual([...found.values()].filter((value) => value !== null), [2]);
  assert.deepEqual(cellsOf(rows, "reliability"), []);
});

Deno.test("the fifteen bins are those of metrics.csv", () => {
  const judged = joined(group(0.97, 7, 6), group(0.7, 9, 5), group(0.55, 3, 3));
  const found = metricsOf(calibrationRows({ ...judged, classes: 2, fittedOn: undefined }), "calibration");
  const { ece, mce, brier, accuracy } = calibrationOf(judged.logits, judged.labels, 2);
  assert.deepEqual(["ece_15", "mce_15", "brier", "accuracy"].map((name) => found.get(name)), [
    ece,
    mce,
    brier,
    accuracy,
  ]);
});

Deno.test("the confusion of one predicted class has its zeros, and a review without a prediction its own row", () => {
  const logits = [0, 1, 0, 1, 0, 1];
  assert.deepEqual(cellsOf(confusionRows({ logits, labels: [0, 1, 1] }, 2), "confusion"), [
    ["negative", "negative", 0],
    ["negative", "positive", 1],
    ["positive", "negative", 0],
    ["positive", "positive", 2],
  ]);
  const broken = confusionRows({ logits: [0, 1, NaN, 1, 0, Infinity], labels: [0, 1, 1] }, 2);
  assert.deepEqual(cellsOf(broken, "confusion").at(-1), ["positive", null, 2]);
});
