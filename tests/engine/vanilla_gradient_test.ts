import assert from "node:assert/strict";
import { type AgreementCase, buildCase } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { NOISY_VANILLA_CASES, VANILLA_CASES } from "../../src/engine/vanilla_cases.ts";
import { dropoutKey, DropoutMask } from "../../src/model/dropout.ts";
import { NOISE_SITES, StateNoise } from "../../src/model/noise.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { crossEntropy } from "../../src/model/reference/objective.ts";
import { blockBackward, blockForward } from "../../src/model/reference/vanilla/block.ts";
import { backwardVanilla, forwardVanilla } from "../../src/model/reference/vanilla/sequence.ts";
import { vanillaTensors } from "../../src/model/reference/vanilla/tensors.ts";
import type { Weights } from "../../src/model/tensors.ts";
import { assertGradient, type Sample } from "./finite_differences.ts";

/** Work that a finite-difference run may take, in multiply-adds of one forward pass. */
const AFFORDABLE = 1_000_000;

const CASES = [...VANILLA_CASES, ...NOISY_VANILLA_CASES].filter(({ config, lengths }) => {
  const { dModel: d, ffnDim, maxLayers } = config;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  return maxLayers * d * (tokens * (4 * d + 2 * ffnDim) + 2 * pairs) <= AFFORDABLE;
});

function widened({ parameters, buffers }: Weights): Weights<Float64Array> {
  return { parameters: Float64Array.from(parameters), buffers: Float64Array.from(buffers) };
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, e) => sum + value * b[e], 0);

/** Token ids and masks of each sequence. */
function sequencesOf(agreement: AgreementCase) {
  const { batch, state, settings } = buildCase(agreement);
  return Array.from(batch.labels, (label, s) => {
    const key = dropoutKey(settings.seed, state.optimizer.step, s);
    return {
      label,
      ids: batch.tokens.subarray(batch.offsets[s], batch.offsets[s + 1]),
      mask: new DropoutMask(key, settings.dropout),
      noise: new StateNoise(key, settings.noise),
    };
  });
}

Deno.test("enough vanilla cases are affordable, with and without dropout, with noise at either site", () => {
  assert(CASES.length >= 10, `${CASES.length} cases`);
  for (const site of NOISE_SITES) assert(CASES.some(({ noise }) => noise?.site === site));
  assert(CASES.some(({ dropout }) => dropout > 0) && CASES.some(({ dropout }) => dropout === 0));
});

for (const agreement of CASES) {
  const { config, seed } = agreement;

  Deno.test(`the vanilla objective's gradient agrees with differences on every tensor: ${agreement.name}`, async () => {
    const { state, batch, settings } = buildCase(agreement);
    const weights = widened(state.weights);
    const engine = new ReferenceEngine(config);
    await engine.upload({ ...state, weights });
    const { gradient } = await engine.gradient(batch, settings);
    const sequences = sequencesOf(agreement);
    const sample = (moved: Weights<Float64Array>): Sample => {
      const tensors = vanillaTensors(config, moved.parameters);
      const losses = sequences.map(({ ids, label, mask, noise }) => {
        const { logits } = forwardVanilla(tensors, ids, mask, noise);
        return crossEntropy(logits, label, new Float64Array(logits.length));
      });
      return { value: losses.reduce((sum, loss) => sum + loss, 0) / losses.length, piece: "" };
    };
    assertGradient(config, weights, sample, gradient, { seed, padding: true });
  });

  Deno.test(`the vanilla stack's gradient agrees with differences for random cotangents: ${agreement.name}`, () => {
    const weights = widened(buildCase(agreement).state.weights);
    const sequences = sequencesOf(agreement).map((sequence, s) => {
      const stream = new RandomStream(seed, Purpose.order, 500 + s);
      return { ...sequence, cotangent: Float64Array.from({ length: config.numClasses }, () => stream.normal()) };
    });
    const sample = (moved: Weights<Float64Array>): Sample => {
      const tensors = vanillaTensors(config, moved.parameters);
      const values = sequences.map(({ ids, mask, noise, cotangent }) =>
        dot(cotangent, forwardVanilla(tensors, ids, mask, noise).logits)
      );
      return { value: values.reduce((sum, value) => sum + value, 0), piece: "" };
    };
    const slab = new Float64Array(weights.parameters.length);
    const [tensors, gradient] = [weights.parameters, slab].map((values) => vanillaTensors(config, values));
    for (const { ids, mask, noise, cotangent } of sequences) {
      backwardVanilla(tensors, gradient, ids, forwardVanilla(tensors, ids, mask, noise), cotangent, mask);
    }
    assertGradient(config, weights, sample, slab, { seed: seed + 1, padding: true });
  });

  Deno.test(`a block's gradient agrees with differences for a random cotangent of every state: ${agreement.name}`, () => {
    const weights = widened(buildCase(agreement).state.weights);
    const [{ ids, mask }] = sequencesOf(agreement);
    const stream = new RandomStream(seed, Purpose.order, 900);
    const random = () => Float64Array.from({ length: ids.length * config.dModel }, () => stream.normal());
    const [input, direction, cotangent] = [random(), random(), random()];
    const run = (parameters: Float64Array, h: Float64Array) =>
      blockForward(vanillaTensors(config, parameters).blocks[0], config.numHeads, 0, h, mask);
    const slab = new Float64Array(weights.parameters.length);
    const [own, gradient] = [weights.parameters, slab].map((values) => vanillaTensors(config, values).blocks[0]);
    const dh = cotangent.slice();
    blockBackward(own, gradient, config.numHeads, run(weights.parameters, input), mask, dh);
    const sample = ({ parameters }: Weights<Float64Array>): Sample => ({
      value: dot(cotangent, run(parameters, input).output),
      piece: "",
    });
    assertGradient(config, weights, sample, slab, { seed: seed + 2, padding: true });
    const at = (shift: number) =>
      dot(cotangent, run(weights.parameters, input.map((value, e) => value + shift * direction[e])).output);
    const step = 5e-5;
    const difference = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    const slope = dot(direction, dh);
    const scale = Math.sqrt(dot(dh, dh)) * Math.sqrt(dot(direction, direction));
    assert(Math.abs(slope - difference) <= 1e-9 * scale, `input: gradient ${slope}, differences ${difference}`);
  });
}

Deno.test("the vanilla model's [PAD] is embedded but its row gets no gradient", async () => {
  const { config, state, settings } = buildCase(VANILLA_CASES[0]);
  const engine = new ReferenceEngine(config);
  await engine.upload(state);
  const batch = (first: number) => ({
    tokens: Int32Array.from([first, 5, 0, 9]),
    offsets: Uint32Array.from([0, 4]),
    labels: Uint8Array.from([1]),
  });
  const withPad = await engine.gradient(batch(0), settings);
  const withOther = await engine.gradient(batch(1), settings);
  const row = (id: number) => Array.from(withPad.gradient.subarray(id * config.dModel, (id + 1) * config.dModel));
  assert(row(0).every((slope) => slope === 0));
  assert(row(5).every((slope) => slope !== 0));
  assert.notEqual(withPad.loss, withOther.loss);
});
