import assert from "node:assert/strict";
import { largestSingularValue } from "../../../src/diagnose/spectrum/golub_kahan.ts";
import { type Dense, jordan, multiply, orthogonal, randomVectors, times, transpose } from "./matrices.ts";

function largest(a: Dense, { tolerance = 1e-10, limit = 200 } = {}) {
  return largestSingularValue(times(a), times(transpose(a)), randomVectors(a.length)(), { tolerance, limit });
}

function near(a: Dense, wanted: number, relative = 1e-12): void {
  const { value, residual } = largest(a);
  assert.ok(residual <= 1e-10, `residual ${residual}`);
  assert.ok(Math.abs(value - wanted) <= relative * wanted, `${value}, wanted ${wanted}`);
}

/** U Σ Vᵀ with random orthogonal U and V. */
function withSingularValues(values: readonly number[]): Dense {
  const size = values.length;
  const scaled = orthogonal(size, 2).map((row) => row.map((value, j) => value * values[j]));
  return multiply(scaled, transpose(orthogonal(size, 3)));
}

const CROWD = Array.from({ length: 60 }, (_, k) => 0.01 * (k + 1));

Deno.test("the largest singular value is found among many, close ones and repeated ones", () => {
  near(withSingularValues([3, 1, ...CROWD]), 3);
  near(withSingularValues([1.001, 1, 0.999, ...CROWD]), 1.001);
  near(withSingularValues([2, 2, 2, ...CROWD]), 2);
  near(withSingularValues(new Array(20).fill(1.5)), 1.5);
});

Deno.test("it is not the spectral radius: a nilpotent matrix has none and still stretches", () => {
  near(jordan(0, 12, 7), 7);
  // σ² of [[1, 8], [0, 1]] is 33 + √(33² − 1).
  near([[1, 8], [0, 1]], Math.sqrt(33 + Math.sqrt(33 * 33 - 1)));
});

Deno.test("singular matrices, zeros, one element and values that are not finite", () => {
  near(withSingularValues([5, 4, 0, 0, 0]), 5);
  assert.deepEqual(largest([[0, 0], [0, 0]]), { value: 0, residual: 0 });
  near([[-4]], 4);
  assert.ok(Number.isNaN(largest([[NaN, 0], [0, 1]]).value));
  assert.ok(Number.isNaN(largest([[1e200, 1e200], [1e200, 1e200]].map((row) => row.map((x) => x * 1e200))).value));
});

Deno.test("what has not settled within the limit says so", () => {
  const { value, residual } = largest(withSingularValues([1.0001, 1, ...CROWD]), { limit: 4 });
  assert.ok(residual > 1e-10);
  assert.ok(value <= 1.0001 && value > 0.5);
});
