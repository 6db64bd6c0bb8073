import assert from "node:assert/strict";
import { type EigenvalueOptions, leadingEigenvalues } from "../../../src/diagnose/spectrum/arnoldi.ts";
import { blockDiagonal, type Dense, jordan, multiply, randomVectors, rotation, times, turned } from "./matrices.ts";

type Complex = readonly [real: number, imaginary: number];

function leading(a: Dense, changed: Partial<EigenvalueOptions> = {}): Complex[] {
  const options = { count: 4, tolerance: 1e-9, limit: a.length, random: randomVectors(a.length), ...changed };
  return leadingEigenvalues(times(a), a.length, options).map(({ real, imaginary }) => [real, imaginary]);
}

function near(found: readonly Complex[], wanted: readonly Complex[], tolerance: number): void {
  assert.equal(found.length, wanted.length, `${found.length} eigenvalues, wanted ${wanted.length}`);
  wanted.forEach(([real, imaginary], k) => {
    const error = Math.hypot(found[k][0] - real, found[k][1] - imaginary);
    assert.ok(error <= tolerance, `${found[k]}, wanted ${real},${imaginary}`);
  });
}

const diagonal = (...values: readonly number[]): Dense => blockDiagonal(...values.map((value) => [[value]]));

/** 80 values from 0.01 to 0.8, far from what stands before them. */
const CROWD = Array.from({ length: 80 }, (_, k) => 0.01 * (k + 1));

Deno.test("real eigenvalues come in the order of their size, negative ones included", () => {
  near(leading(turned(diagonal(3, -2.5, 2, -1, ...CROWD))), [[3, 0], [-2.5, 0], [2, 0], [-1, 0]], 1e-8);
});

Deno.test("a leading complex pair comes as the pair that it is, where a power iteration would turn for ever", () => {
  const a = turned(blockDiagonal(rotation(1.3, 1.1), rotation(1.2, 2.9), diagonal(1, ...CROWD)));
  const pair = (radius: number, angle: number): Complex[] =>
    [1, -1].map((sign) => [radius * Math.cos(angle), sign * radius * Math.sin(angle)]);
  near(leading(a), [...pair(1.3, 1.1), ...pair(1.2, 2.9)], 1e-8);
});

Deno.test("the other half of the last pair comes as well", () => {
  const a = turned(blockDiagonal([[2]], rotation(1.5, 0.7), diagonal(...CROWD)));
  const found = leading(a, { count: 2 });
  assert.equal(found.length, 3);
  near(found, [[2, 0], [1.5 * Math.cos(0.7), 1.5 * Math.sin(0.7)], [1.5 * Math.cos(0.7), -1.5 * Math.sin(0.7)]], 1e-8);
});

Deno.test("repeated eigenvalues are found as often as they occur", () => {
  near(leading(turned(diagonal(2, 2, 2, 1, 1, 1, 0.5, 0.5))), [[2, 0], [2, 0], [2, 0], [1, 0]], 1e-9);
  near(leading(diagonal(...new Array(30).fill(1))), [[1, 0], [1, 0], [1, 0], [1, 0]], 1e-12);
});

Deno.test("a defective eigenvalue of multiplicity three is found to the cube root of rounding", () => {
  // A change of relative size 2⁻⁵² moves the eigenvalues of a Jordan block of order three by its cube root, 6e-6.
  const found = leading(turned(blockDiagonal(jordan(2, 3), diagonal(...CROWD))), { count: 3 });
  near(found.map(([real, imaginary]) => [real, Math.abs(imaginary)]), [[2, 0], [2, 0], [2, 0]], 1e-4);
  const mean = found.reduce((sum, [real]) => sum + real / 3, 0);
  assert.ok(Math.abs(mean - 2) < 1e-9, `${mean}`);
});

Deno.test("a strongly non-normal matrix shows its eigenvalues, not its norm", () => {
  // Eigenvalues 0.9 and 0.5; the norm is about 100.
  const found = leading(turned([[0.9, 100], [0, 0.5]]), { count: 2 });
  near(found, [[0.9, 0], [0.5, 0]], 1e-11);
});

Deno.test("the residuals bound the error of a normal matrix, and fewer products give fewer eigenvalues", () => {
  const a = turned(diagonal(2, 1.9, 1.8, ...CROWD));
  const options = { count: 3, tolerance: 1e-3, limit: 30, random: randomVectors(a.length) };
  const found = leadingEigenvalues(times(a), a.length, options);
  [2, 1.9, 1.8].forEach((value, k) => assert.ok(Math.abs(found[k].real - value) <= found[k].residual * value + 1e-12));
  assert.ok(leading(a, { count: 40, limit: 30 }).length < 40);
  assert.deepEqual(leading(a, { limit: 2, tolerance: 1e-12 }), []);
});

Deno.test("a matrix of one row, of zeros, and one with values that are not finite", () => {
  near(leading([[-3]]), [[-3, 0]], 0);
  near(leading(diagonal(0, 0, 0)), [[0, 0], [0, 0], [0, 0]], 0);
  assert.deepEqual(leading([[NaN, 1], [0, 1]]), []);
  assert.deepEqual(leading(multiply([[1e308, 1e308], [1e308, 1]], [[1e308, 0], [0, 1]])), []);
});
