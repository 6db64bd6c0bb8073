import assert from "node:assert/strict";
import { PASSING, THOROUGH } from "../../../src/diagnose/instruments/effort.ts";
import { jacobianRows } from "../../../src/diagnose/instruments/jacobian.ts";
import type { InstrumentRow } from "../../../src/diagnose/instruments/table.ts";
import { AGREEMENT_CASES, buildCase } from "../../../src/engine/cases.ts";
import { eigenpairs, largestSingularPair } from "../../../src/libraries/matrix.ts";
import { DropoutMask } from "../../../src/model/dropout.ts";
import { BlockDerivative } from "../../../src/model/reference/block_derivative.ts";
import { embed } from "../../../src/model/reference/embedding.ts";
import { modelParts } from "../../../src/model/reference/parts.ts";
import { cellsOf, isNear, metricsOf } from "./cells.ts";

const CASES = AGREEMENT_CASES.filter(({ config: { model, dModel }, lengths }) =>
  model === "epsilon" && dModel * lengths[0] <= 100
);

function rowsOf(built: ReturnType<typeof buildCase>, effort = THOROUGH): InstrumentRow[] {
  const { config, state: { weights }, batch } = built;
  const tokens = batch.tokens.subarray(0, batch.offsets[1]);
  return [...jacobianRows({ config, weights, review: 5, tokens, effort, seed: 1 })].flat();
}

/** The Jacobian at h⁰ of the first sequence, row by row. */
function denseJacobian({ config, state: { weights }, batch }: ReturnType<typeof buildCase>): number[][] {
  const parts = modelParts(config, {
    parameters: Float64Array.from(weights.parameters),
    buffers: Float64Array.from(weights.buffers),
  });
  const state = embed(parts, batch.tokens.subarray(0, batch.offsets[1]), new DropoutMask([0, 0], 0));
  const derivative = new BlockDerivative(parts, state);
  const columns = Array.from(state, (_, k) => {
    const unit = new Float64Array(state.length);
    unit[k] = 1;
    return derivative.forward(unit);
  });
  return Array.from(state, (_, i) => columns.map((column) => column[i]));
}

Deno.test("the leading values of small states are those of the whole Jacobian", () => {
  assert.ok(CASES.length >= 5);
  for (const agreement of CASES) {
    const built = buildCase(agreement);
    const dense = denseJacobian(built);
    const found = metricsOf(rowsOf(built), "jacobian");
    const moduli = eigenpairs(dense).map(({ real, imaginary }) => Math.hypot(real, imaginary));
    const sigma = largestSingularPair(dense)?.value ?? NaN;
    const close = (metric: string, wanted: number, relative: number) => {
      const value = found.get(`5 1 ${metric}`) ?? NaN;
      assert.ok(Math.abs(value - wanted) <= relative * wanted, `${agreement.name}: ${metric} ${value}, ${wanted}`);
    };
    // The singular value's error goes with the square of the residual (1e-6), the eigenvalue's with the residual times its
    // condition number, some tens at these sizes.
    close("largest_singular_value", sigma, 1e-9);
    close("spectral_radius", Math.max(...moduli), 1e-4);
    const squares = dense.flat().reduce((sum, value) => sum + value * value, 0);
    const departure = Math.sqrt(1 - moduli.reduce((sum, modulus) => sum + modulus * modulus, 0) / squares);
    close("henrici_departure", departure, 1e-6);
  }
});

Deno.test("a block without residual weight is the identity: all values 1, nothing grows or changes", () => {
  const built = buildCase(CASES[0]);
  const rows = rowsOf({ ...built, config: { ...built.config, alphaRes: 0 } });
  const found = metricsOf(rows, "jacobian");
  for (const metric of ["largest_singular_value", "spectral_radius", "non_normality"]) {
    assert.ok(isNear(found.get(`5 1 ${metric}`), 1), metric);
  }
  assert.equal(found.get("5 1 henrici_departure"), 0);
  assert.ok(isNear(found.get("5 30 tangent_growth"), 1));
  assert.equal(found.get("5 30 state_change"), 0);
  assert.equal(found.get("5 31 tangent_growth"), undefined);
});

Deno.test("only the first and the last step are looked at when asked, and the eigenvalues have their places", () => {
  const agreement = CASES.find(({ config, haltingBias }) => config.maxLayers > 2 && haltingBias < 0);
  assert.ok(agreement !== undefined);
  const built = buildCase(agreement);
  const stepsOf = (rows: readonly InstrumentRow[]) => new Set(cellsOf(rows, "eigenvalues").map(([, step]) => step));
  const [all, ends] = [stepsOf(rowsOf(built)), stepsOf(rowsOf(built, PASSING))];
  assert.ok(all.size > 2);
  assert.deepEqual([...ends], [1, all.size]);
  const first = cellsOf(rowsOf(built), "eigenvalues").filter(([, step]) => step === 1);
  assert.deepEqual(first.map(([, , index]) => index), first.map((_, k) => k));
});
