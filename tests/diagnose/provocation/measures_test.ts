import assert from "node:assert/strict";
import fc from "fast-check";
import { measure, type MeasuredRow } from "../../../src/diagnose/provocation/measures.ts";

function steps(metric: string, values: ReadonlyMap<number, number | null>): MeasuredRow[] {
  return [...values].map(([step, value]) => ({ step, epoch: null, split: "train", metric, value }));
}

/** A loss logged every 50 steps up to step 500. */
function losses(of: (step: number) => number | null): MeasuredRow[] {
  return steps("task_loss", new Map(Array.from({ length: 10 }, (_, i) => [50 * (i + 1), of(50 * (i + 1))])));
}

const SHIFT = { shiftStep: 200, broken: false, classes: 2 };

Deno.test("loss before, peak, area, final and recovery of a run computed by hand", () => {
  // Before: 0.4 at 150 and 200. Behind: 1.0, 0.8, 0.5, 0.4, 0.4, 0.3 at 250 … 500.
  const behind = [1, 0.8, 0.5, 0.4, 0.4, 0.3];
  const found = measure(losses((step) => step <= 200 ? 0.4 : behind[(step - 250) / 50]), SHIFT);
  assert.equal(found.loss_before, 0.4);
  assert.equal(found.loss_peak, 0.9);
  assert.ok(Math.abs((found.loss_area ?? NaN) - 50 * (0.6 + 0.4 + 0.1 + 0 + 0 - 0.1)) < 1e-9);
  assert.ok(Math.abs((found.loss_final ?? NaN) - 0.35) < 1e-12);
  // The windows end at 300 (0.9), 350 (0.65), 400 (0.45), 450 (0.4): the first within 5 % is the fourth.
  assert.deepEqual([found.recovered, found.recovery_steps], [1, 250]);
  assert.deepEqual([found.diverged_loss, found.non_finite, found.steps], [0, 0, 500]);
});

Deno.test("a run that never recovers says so, and one that ends worse than an even guess has diverged", () => {
  const never = measure(losses((step) => step <= 200 ? 0.4 : 0.75), SHIFT);
  assert.deepEqual([never.recovered, never.recovery_steps, never.diverged_loss], [0, null, 0]);
  assert.equal(measure(losses((step) => step <= 200 ? 0.4 : 0.78), SHIFT).diverged_loss, 1);
});

Deno.test("norms: the published criterion is a weight norm above 100 at any time", () => {
  const rows = (most: number) => [
    ...losses(() => 0.5),
    ...steps("weight_norm", new Map([[150, 10], [200, 20], [250, most], [500, 30]])),
    ...steps("update_norm", new Map([[150, 0.1], [200, 0.3], [250, 2], [500, 1]])),
  ];
  const found = measure(rows(100), SHIFT);
  assert.deepEqual([found.weight_norm_before, found.weight_norm_max, found.weight_norm_final], [15, 100, 30]);
  assert.deepEqual([found.update_norm_before, found.update_norm_after, found.update_norm_max], [0.2, 1.5, 2]);
  assert.equal(found.weight_norm_growth, 100 / 15);
  assert.equal(found.diverged_norm, 0);
  assert.equal(measure(rows(100.01), SHIFT).diverged_norm, 1);
});

Deno.test("accuracies are those at the shift and at the end; values that are not finite are counted, the last one too", () => {
  const judged = (step: number, epoch: number | null, metric: string, value: number | null): MeasuredRow => //
  ({ step, epoch, split: "validation", metric, value });
  const rows = [
    ...losses((step) => step === 300 ? null : 0.5),
    // Missing, not infinite: the guard's window is not full yet.
    ...steps("ars_rho1", new Map([[50, null], [100, 0.1]])),
    judged(100, 1, "accuracy", 0.6),
    judged(200, null, "accuracy", 0.7),
    judged(200, null, "shifted_accuracy", 0.3),
    judged(500, 2, "accuracy", 0.5),
    judged(500, 2, "shifted_accuracy", 0.8),
  ];
  const found = measure(rows, { ...SHIFT, broken: true });
  assert.deepEqual(
    [found.accuracy_before, found.shifted_accuracy_before, found.accuracy_final, found.shifted_accuracy_final],
    [0.7, 0.3, 0.5, 0.8],
  );
  assert.deepEqual([found.non_finite, found.diverged_loss], [2, 1]);
});

Deno.test("a run without a shift has the measures of its end and none of a shift; one without rows has none", () => {
  const found = measure(losses(() => 0.5), { broken: false, classes: 2 });
  assert.deepEqual([found.shift_step, found.loss_area, found.recovered, found.loss_final], [null, null, null, 0.5]);
  assert.equal(measure([], SHIFT).loss_final, null);
});

Deno.test("a higher loss behind the shift never gives a smaller peak, area or final loss", () => {
  const curve = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 10, maxLength: 10 });
  fc.assert(fc.property(curve, fc.double({ min: 0, max: 3, noNaN: true }), (values, more) => {
    const low = measure(losses((step) => values[step / 50 - 1]), SHIFT);
    const high = measure(losses((step) => values[step / 50 - 1] + (step > 200 ? more : 0)), SHIFT);
    for (const name of ["loss_peak", "loss_area", "loss_final"] as const) {
      assert.ok((high[name] ?? NaN) >= (low[name] ?? NaN) - 1e-9, name);
    }
  }));
});
