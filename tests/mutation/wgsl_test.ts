import assert from "node:assert/strict";
import { ALL_CASES } from "../../src/engine/cases.ts";
import type { Model } from "../../src/model/config.ts";
import { expectedCase } from "../engine/agreement.ts";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { keyOf } from "./equivalent.ts";
import { WGSL_EQUIVALENT } from "./wgsl_equivalent.ts";
import { backwardShaders, sleepingMutants, survivorsOf } from "./wgsl_judge.ts";
import { backwardFunctions, wgslSites, withMutants } from "./wgsl_mutants.ts";

const SHADER = `
fn shared(x: f32) -> f32 { return 2.0 * x; }
fn slope(x: f32, i: u32) -> f32 {
  // A comment; with - and *.
  let g = shared(x) + x * (x - 1.0);
  if (i > 0u) { touch(out[i + 1u]); }
  return select(g, -g, x < 0.0);
}
fn forward() { out[0] = shared(1.0); }
fn backward() {
  out[0] += slope(1.0, 2u);
}
`;

Deno.test("mutants of a shader stand where only its backward entry points lead, each in its own brackets", () => {
  const kernels = backwardFunctions(SHADER, ["backward"], ["forward"]);
  assert.deepEqual(kernels, ["backward", "slope"]);
  const sites = wgslSites("made.wgsl", SHADER, kernels, 7);
  assert.deepEqual(sites.map(({ mutant: { id, line, change } }) => [id, line, change]), [
    [7, 11, "an added value's sign flips"],
    [8, 5, "a value's sign flips"],
    [9, 7, "a result's sign flips"],
    [10, 5, "a term's sign flips"],
    [11, 5, "a term's sign flips"],
    [12, 5, "a factor is dropped"],
    [13, 6, "a condition is negated"],
    [14, 7, "select takes the other"],
    [15, 6, "a call is dropped"],
  ]);
  const all = sites.map(({ mutant, alternatives: [form] }) => ({ mutant, form }));
  const lines = withMutants(SHADER, all).split("\n").slice(4);
  assert.deepEqual(lines.slice(3, 6), [
    "  let g = flip(8u) * (shared(x) + flip(10u) * x * select((x - flip(11u) * 1.0), 1.0, lives(12u)));",
    "  if ((i > 0u) != lives(13u)) { if (!lives(15u)) { touch(out[i + 1u]); } }",
    "  return flip(9u) * (select(g, -g,(( x < 0.0) != lives(14u))));",
  ]);
  assert.equal(lines[9], "  out[0] += flip(7u) * (slope(1.0, 2u));");
});

/**
 * For each model a case in which much occurs, one with noise and one of a single group of features, and the least number of
 * mutants and of functions.
 */
const SAMPLES: readonly (readonly [model: Model, seeds: readonly number[], mutants: number, kernels: number])[] = [
  ["epsilon", [34, 47, 5], 200, 20],
  ["vanilla", [208, 222, 204], 150, 12],
];

for (const [model, seeds, least, functions] of SAMPLES) {
  Deno.test({
    name: `${model}: the agreement suite notices a mutant in every function of the GPU's backward pass and optimizer`,
    ignore: !TEST_GPU,
    fn: async () => {
      const shaders = backwardShaders(model);
      const mutants = await sleepingMutants(shaders);
      const kernels = new Set(mutants.map(({ mutant }) => mutant.kernel));
      assert.ok(
        mutants.length > least && kernels.size > functions,
        `${mutants.length} mutants in ${kernels.size} kernels`,
      );
      const telling = mutants.filter(({ mutant }) => WGSL_EQUIVALENT[keyOf(mutant)] === undefined);
      let survivors = [...kernels].flatMap((kernel) => telling.find(({ mutant }) => mutant.kernel === kernel) ?? []);
      for (const seed of seeds) {
        const rich = ALL_CASES.find((agreement) => agreement.seed === seed);
        assert(rich !== undefined && rich.config.model === model);
        if (survivors.length > 0) survivors = await survivorsOf(shaders, survivors, await expectedCase(rich));
      }
      assert.deepEqual(survivors.map(({ mutant }) => mutant), []);
    },
  });
}
