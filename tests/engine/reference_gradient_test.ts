import assert from "node:assert/strict";
import { AGREEMENT_CASES, type AgreementCase, buildCase, NOISY_CASES } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { HALTING_MODES } from "../../src/model/config.ts";
import { dropoutKey, DropoutMask } from "../../src/model/dropout.ts";
import { NOISE_SITES, StateNoise } from "../../src/model/noise.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { embedBackward } from "../../src/model/reference/embedding.ts";
import { logPrior } from "../../src/model/reference/objective.ts";
import { finishGradient, gradientParts, type ModelParts, modelParts } from "../../src/model/reference/parts.ts";
import { recurrenceBackward } from "../../src/model/reference/recurrence.ts";
import { forwardSequence, type SequenceForward, sequenceObjective } from "../../src/model/reference/sequence.ts";
import type { Weights } from "../../src/model/tensors.ts";
import { assertGradient, type Sample } from "./finite_differences.ts";

/** Work that a finite-difference run may take, in multiply-adds of one forward pass. */
const AFFORDABLE = 1_300_000;

function isAffordable({ config, lengths }: AgreementCase): boolean {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const { dModel: d, numBins, ffnDim, maxLayers } = config;
  return tokens * maxLayers * d * (4 * d + 4 * numBins + 2 * ffnDim) <= AFFORDABLE;
}

const NOISY = NOISY_CASES.filter(({ config }) => config.model === "epsilon");
const CASES = [...AGREEMENT_CASES, ...NOISY].filter(isAffordable);

function widened({ parameters, buffers }: Weights): Weights<Float64Array> {
  return { parameters: Float64Array.from(parameters), buffers: Float64Array.from(buffers) };
}

function pieceOf({ recurrence: { halting } }: SequenceForward): string {
  return `${halting.steps.join()};${halting.capped.join("")}`;
}

function forwards(parts: ModelParts, agreement: AgreementCase): { forward: SequenceForward; mask: DropoutMask }[] {
  const { batch, state, settings } = buildCase(agreement);
  return Array.from(batch.labels, (_, s) => {
    const key = dropoutKey(settings.seed, state.optimizer.step, s);
    const mask = new DropoutMask(key, settings.dropout);
    const noise = new StateNoise(key, settings.noise);
    const ids = batch.tokens.subarray(batch.offsets[s], batch.offsets[s + 1]);
    return { mask, forward: forwardSequence(parts, ids, mask, { keep: "all steps", endWithCls: false, noise }) };
  });
}

Deno.test("enough cases are affordable, in every mode, with and without dropout, with reused bins, with noise at either site", () => {
  assert(CASES.length >= 14, `${CASES.length} cases`);
  for (const mode of HALTING_MODES) {
    const some = CASES.filter(({ config }) => config.halting === mode);
    assert(some.some(({ dropout }) => dropout > 0) && some.some(({ dropout }) => dropout === 0));
    assert(some.some(({ config }) => config.binUpdateFrequency > 1));
  }
  for (const site of NOISE_SITES) assert(CASES.some(({ noise }) => noise?.site === site));
});

for (const agreement of CASES) {
  Deno.test(`the objective's gradient agrees with differences on every tensor: ${agreement.name}`, async () => {
    const { config, state, batch, settings } = buildCase(agreement);
    const weights = widened(state.weights);
    const engine = new ReferenceEngine(config);
    await engine.upload({ ...state, weights });
    const { gradient } = await engine.gradient(batch, settings);
    const logQ = logPrior(config);
    const tokens = batch.tokens.length;
    const sample = (moved: Weights<Float64Array>): Sample => {
      const runs = forwards(modelParts(config, moved), agreement);
      const terms = runs.map(({ forward }, s) => sequenceObjective(forward, batch.labels[s], logQ));
      const value = terms.reduce(
        (sum, { task, divergence, negativeEntropy }) =>
          sum + task / terms.length + config.klLossWeight * settings.klScale * divergence / tokens +
          config.entLossWeight * negativeEntropy / (tokens * config.numHeads),
        0,
      );
      return { value, piece: runs.map(({ forward }) => pieceOf(forward)).join("|") };
    };
    assertGradient(config, weights, sample, gradient, { seed: agreement.seed, padding: true });
  });

  Deno.test(`the recurrence's gradient agrees with differences for random cotangents: ${agreement.name}`, () => {
    const { config, state, batch } = buildCase(agreement);
    const weights = widened(state.weights);
    const cotangents = (s: number, forward: SequenceForward) => {
      const stream = new RandomStream(agreement.seed, Purpose.order, 500 + s);
      const like = (values: Float64Array, scale: number) => values.map(() => scale * stream.normal());
      const { pooled, halting, steps } = forward.recurrence;
      const share = 1 / batch.tokens.length;
      return {
        pooled: like(pooled, 1),
        probabilities: like(halting.probabilities, share),
        remainder: like(halting.remainder, share),
        assignment: like(steps[0].bins.assignment, share),
      };
    };
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, e) => sum + value * b[e], 0);
    const sample = (moved: Weights<Float64Array>): Sample => {
      const runs = forwards(modelParts(config, moved), agreement);
      const value = runs.reduce((sum, { forward }, s) => {
        const { pooled, halting, steps } = forward.recurrence;
        const c = cotangents(s, forward);
        return sum + dot(c.pooled, pooled) + dot(c.probabilities, halting.probabilities) +
          dot(c.remainder, halting.remainder) + dot(c.assignment, steps[0].bins.assignment);
      }, 0);
      return { value, piece: runs.map(({ forward }) => pieceOf(forward)).join("|") };
    };
    const slab = new Float64Array(weights.parameters.length);
    const parts = modelParts(config, weights);
    const gradient = gradientParts(config, slab);
    forwards(parts, agreement).forEach(({ forward, mask }, s) => {
      const { pooled, probabilities, remainder, assignment } = cotangents(s, forward);
      const dHalting = { probabilities, remainder };
      const dh0 = recurrenceBackward(parts, gradient, forward.recurrence, mask, pooled, dHalting, assignment);
      const ids = batch.tokens.subarray(batch.offsets[s], batch.offsets[s + 1]);
      embedBackward(parts, gradient.tensors.embedding, ids, mask, dh0);
    });
    finishGradient(parts, gradient);
    assertGradient(config, weights, sample, slab, { seed: agreement.seed + 1, padding: true });
  });
}

Deno.test("[PAD] is embedded but its row gets no gradient", async () => {
  const { config, state, settings } = buildCase(AGREEMENT_CASES[0]);
  const engine = new ReferenceEngine(config);
  await engine.upload(state);
  const batch = (first: number) => ({
    tokens: Int32Array.from([first, 5, 0, 9]),
    offsets: Uint32Array.from([0, 4]),
    labels: Uint8Array.from([1]),
  });
  const withPad = await engine.gradient(batch(0), settings);
  const withOther = await engine.gradient(batch(1), settings);
  const row = (gradient: ArrayLike<number>, id: number) =>
    Array.from({ length: config.dModel }, (_, j) => gradient[id * config.dModel + j]);
  assert(row(withPad.gradient, 0).every((slope) => slope === 0));
  assert(row(withPad.gradient, 5).every((slope) => slope !== 0));
  assert.notEqual(withPad.loss, withOther.loss);
});
