/**
 * The mutation check of the GPU's kernels: `deno task mutation-gpu`. Breaks every function that only the
 * backward pass and the optimizer need in one place at a time, and requires that the agreement suite notices on this
 * machine's adapter. Mutants are compiled a few dozen at a time; a uniform number chooses the living one. Exit code 1 when
 * one survives that WGSL_EQUIVALENT does not explain, or when it explains one that does not survive.
 */
import { type AgreementCase, ALL_CASES } from "../../src/engine/cases.ts";
import { type Model, MODELS } from "../../src/model/config.ts";
import { expectedCase } from "../engine/agreement.ts";
import { keyOf } from "./equivalent.ts";
import { backwardShaders, sleepingMutants, survivorsOf } from "./wgsl_judge.ts";
import { WGSL_EQUIVALENT } from "./wgsl_equivalent.ts";

/** Mutants in one shader: more compile in less time together, until the shader itself becomes large. */
const TOGETHER = 40;

/** Cases in which much occurs, so that hardly any mutant outlives them: they come first. */
const FIRST_SEEDS = [34, 47, 208, 222];

const started = performance.now();
const size = ({ lengths, config }: AgreementCase) =>
  lengths.reduce((sum, length) => sum + length, 0) * config.dModel * config.maxLayers;
const isFirst = ({ seed }: AgreementCase) => Number(FIRST_SEEDS.includes(seed));

/** The mutants of a model's kernels, and those of them that no case notices. */
async function judge(model: Model) {
  const shaders = backwardShaders(model);
  const mutants = await sleepingMutants(shaders);
  const cases = ALL_CASES.filter(({ config }) => config.model === model)
    .toSorted((a, b) => isFirst(b) - isFirst(a) || size(a) - size(b));
  const kernels = [...shaders.kernels.values()].flat().length;
  console.log(`${model}: ${mutants.length} mutants in ${kernels} kernels, ${cases.length} cases`);
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
  return { mutants, left };
}

const judged = [];
for (const model of MODELS) judged.push(await judge(model));
const mutants = judged.flatMap(({ mutants }) => mutants), left = judged.flatMap(({ left }) => left);
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
