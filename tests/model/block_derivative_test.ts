import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { BlockDerivative } from "../../src/model/reference/block_derivative.ts";
import { type ModelParts, modelParts } from "../../src/model/reference/parts.ts";

/** Sizes on either side of heads, bins and lengths; 33 · 48 = 1,584 values in the largest state. */
const CASES = AGREEMENT_CASES.filter(({ config: { dModel }, lengths }) => Math.max(...lengths) * dModel <= 1600);

interface Setting {
  readonly parts: ModelParts;
  readonly state: Float64Array;
  readonly direction: () => Float64Array;
}

/** A case's block at a random state of its longest sequence. */
function settingOf(agreement: typeof CASES[number]): Setting {
  const { config, state: { weights } } = buildCase(agreement);
  const parts = modelParts(config, {
    parameters: Float64Array.from(weights.parameters),
    buffers: Float64Array.from(weights.buffers),
  });
  const size = Math.max(...agreement.lengths) * config.dModel;
  const stream = new RandomStream(agreement.seed, Purpose.order, 77);
  const direction = () => Float64Array.from({ length: size }, () => stream.normal());
  return { parts, state: direction(), direction };
}

const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, e) => sum + value * b[e], 0);

/**
 * Central differences with steps h and h/2, extrapolated: the error falls with h⁴ (1e-12 at h = 1e-3, times fifth
 * derivatives) while rounding gives 2⁻⁵² / h ≈ 1e-13 a value, grown to 1e-9 where weights are wild.
 */
function differences({ parts, state }: Setting, v: Float64Array): Float64Array {
  const at = (h: number) => {
    const moved = (sign: number) => new BlockDerivative(parts, state.map((value, e) => value + sign * h * v[e])).output;
    const [ahead, behind] = [moved(1), moved(-1)];
    return ahead.map((value, e) => (value - behind[e]) / (2 * h));
  };
  const [coarse, fine] = [at(1e-3), at(5e-4)];
  return fine.map((value, e) => (4 * value - coarse[e]) / 3);
}

Deno.test("a tangent carried forward agrees with differences in float64, on every size", () => {
  assert.ok(CASES.length > 15);
  for (const agreement of CASES) {
    const setting = settingOf(agreement);
    const v = setting.direction();
    const found = new BlockDerivative(setting.parts, setting.state).forward(v);
    const wanted = differences(setting, v);
    const error = norm(found.map((value, e) => value - wanted[e])) / norm(wanted);
    assert.ok(error < 1e-8, `${agreement.name}: ${error}`);
  }
});

Deno.test("forward and backward products are transposes of each other to rounding, on every size", () => {
  for (const agreement of CASES) {
    const { parts, state, direction } = settingOf(agreement);
    const derivative = new BlockDerivative(parts, state);
    const [u, v] = [direction(), direction()];
    const [forward, backward] = [derivative.forward(v), derivative.backward(u)];
    const scale = norm(u) * norm(forward) + norm(backward) * norm(v);
    assert.ok(Math.abs(dot(u, forward) - dot(backward, v)) < 1e-13 * scale, agreement.name);
  }
});

Deno.test("a shift of all of a token's features passes the block unchanged, since both norms centre", () => {
  const { parts, state } = settingOf(CASES[0]);
  const { dModel } = parts.config;
  const shift = new Float64Array(state.length).fill(1, dModel, 2 * dModel);
  const found = new BlockDerivative(parts, state).forward(shift);
  found.forEach((value, e) => assert.ok(Math.abs(value - shift[e]) < 1e-14));
});
