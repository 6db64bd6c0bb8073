/**
 * The mutation check of the GPU's kernels: `deno task mutation-gpu`. Breaks every function that only the
 * backward pass and the optimizer need in one place at a time, and requires that the agreement suite notices on this
 * machine's adapter. Mutants are compiled a few dozen at a time; a uniform number chooses the living one. Exit code 1 when
 * one survives that WGSL_EQUIVALENT does not explain, or when it explains one that does not survive.
 */
import { AGREEMENT_CASES } from "../../src/engine/cases.ts";
import { expectedCase } from "../engine/agreement.ts";
import { computes, ENGINES } from "../engine/engines.ts";
import { keyOf } from "./equivalent.ts";
import { backwardShaders, sleepingMutants, survivorsOf } from "./wgsl_judge.ts";
import { WGSL_EQUIVALENT } from "./wgsl_equivalent.ts";

/** Mutants in one shader: more compile in less time together, until the shader itself becomes large. */
const TOGETHER = 40;

/** A case in which everything occurs, so that hardly any mutant outlives it: frozen bins, dropout, odd sizes, many sequences. */
const FIRST_SEED = 34;

const started = performance.now();
const shaders = backwardShaders();
const mutants = await sleepingMutants(shaders);
const [gpu] = ENGINES.filter(({ name }) => name === "gpu");
const size = ({ lengths, config }: typeof AGREEMENT_CASES[number]) =>
  lengths.reduce((sum, length) => sum + length, 0) * config.dModel * config.maxLayers;
const cases = AGREEMENT_CASES.filter(({ config }) => computes(gpu, config))
  .sort((a, b) => Number(b.seed === FIRST_SEED) - Number(a.seed === FIRST_SEED) || size(a) - size(b));
console.log(
  `${mutants.length} mutants in ${[...shaders.kernels.values()].flat().length} kernels, ${cases.length} cases`,
);

let left = mutants;
for (const agreement of cases) {
  const expected = await expectedCase(agreement);
  const survivors = [];
  for (let m = 0; m < left.length; m += TOGETHER) {
    survivors.push(...await survivorsOf(shaders, left.slice(m, m + TOGETHER), expected));
  }
  left = survivors;
  console.log(`${left.length} survive ${agreement.name}`);
}

const keys = new Set(left.map(({ mutant }) => keyOf(mutant)));
const unexplained = left.filter(({ mutant }) => WGSL_EQUIVALENT[keyOf(mutant)] === undefined);
const unused = Object.keys(WGSL_EQUIVALENT).filter((key) => !keys.has(key));
for (const { mutant } of unexplained) console.log(`survives: ${mutant.file}:${mutant.line}: ${keyOf(mutant)}`);
for (const key of unused) console.log(`explained without need: ${key}`);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
const equivalent = left.length - unexplained.length;
console.log(
  `${mutants.length - left.length} noticed, ${equivalent} equivalent, ${unexplained.length} survive, ${seconds} s`,
);
Deno.exit(unexplained.length > 0 || unused.length > 0 ? 1 : 0);
