import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { DataError } from "../../src/errors.ts";
import type { HaltingMode, ModelConfig } from "../../src/model/config.ts";
import { DropoutMask } from "../../src/model/dropout.ts";
import { clipFactor } from "../../src/model/reference/adamw.ts";
import { modelParts } from "../../src/model/reference/parts.ts";
import { forwardSequence } from "../../src/model/reference/sequence.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";
import { haltingMargin } from "../model/halting_margin.ts";

const NO_DROPOUT = new DropoutMask([0, 0], 0);

async function engineFor({ state }: BuiltCase, config: ModelConfig): Promise<ReferenceEngine> {
  const engine = new ReferenceEngine(config);
  await engine.upload(state);
  return engine;
}

async function resultsIn(mode: HaltingMode, built: BuiltCase) {
  const engine = await engineFor(built, { ...built.config, halting: mode });
  return {
    gradient: await engine.gradient(built.batch, built.settings),
    prediction: await engine.predict(built.batch, { want: "everything", klScale: 1 }),
  };
}

function caseWhere(accepts: (built: BuiltCase) => boolean): BuiltCase {
  const found = AGREEMENT_CASES.map(buildCase).find(accepts);
  assert(found, "no such case");
  return found;
}

function single({ tokens, offsets, labels }: PackedBatch, s: number): PackedBatch {
  const ids = tokens.slice(offsets[s], offsets[s + 1]);
  return { tokens: ids, offsets: Uint32Array.from([0, ids.length]), labels: labels.slice(s, s + 1) };
}

const PAPER_SIZE = AGREEMENT_CASES[0];

Deno.test("exit and soft agree to the byte where no token ever halts, and where each sequence is one token", async () => {
  const neverHalts = AGREEMENT_CASES.filter(({ haltingBias }) => haltingBias < -5);
  const oneToken = AGREEMENT_CASES.filter(({ lengths }) => lengths.every((length) => length === 1));
  assert(neverHalts.length > 0 && oneToken.length > 0);
  for (const built of [...neverHalts, ...oneToken].map(buildCase)) {
    assert.deepEqual(await resultsIn("exit", built), await resultsIn("soft", built));
  }
});

Deno.test("exit and soft differ once a token has halted before the others", async () => {
  const built = buildCase(PAPER_SIZE);
  const exit = await resultsIn("exit", built);
  const soft = await resultsIn("soft", built);
  assert.notDeepEqual(exit.prediction.logits, soft.prediction.logits);
});

Deno.test("a sequence's results do not depend on the batch around it", async () => {
  for (const built of [buildCase(PAPER_SIZE), caseWhere(({ config }) => config.halting === "soft")]) {
    const engine = await engineFor(built, built.config);
    const classes = built.config.numClasses;
    const together = await engine.predict(built.batch, { want: "everything", klScale: 1 });
    const traces = await engine.trace(built.batch);
    for (let s = 0; s < built.batch.labels.length; s++) {
      const batch = single(built.batch, s);
      const alone = await engine.predict(batch, { want: "everything", klScale: 1 });
      assert.deepEqual(together.logits.slice(s * classes, (s + 1) * classes), alone.logits);
      assert.deepEqual((await engine.trace(batch))[0], traces[s]);
    }
  }
});

Deno.test("a batch's gradient is the mean over its sequences, tokens weighing the auxiliary losses", async () => {
  const built = buildCase(PAPER_SIZE);
  const config = { ...built.config, klLossWeight: 0, entLossWeight: 0 };
  const settings = { ...built.settings, dropout: 0 };
  const engine = await engineFor(built, config);
  const { gradient, taskLoss } = await engine.gradient(built.batch, settings);
  const parts = await Promise.all(
    Array.from(built.batch.labels, (_, s) => engine.gradient(single(built.batch, s), settings)),
  );
  const mean = (value: (part: typeof parts[number]) => number) =>
    parts.reduce((sum, part) => sum + value(part) / parts.length, 0);
  assert(Math.abs(mean((part) => part.taskLoss) - taskLoss) <= 1e-14);
  for (let e = 0; e < gradient.length; e++) {
    assert(Math.abs(mean((part) => part.gradient[e]) - gradient[e]) <= 1e-13, `element ${e}`);
  }
});

Deno.test("in exit mode logits alone end with [CLS], change no logit and report the steps that ran", async () => {
  const built = buildCase(PAPER_SIZE);
  const engine = await engineFor(built, built.config);
  const everything = await engine.predict(built.batch, { want: "everything", klScale: 1 });
  const logits = await engine.predict(built.batch, { want: "logits", klScale: 1 });
  assert.deepEqual(logits.logits, everything.logits);
  assert.equal(logits.losses, undefined);
  const { offsets } = built.batch;
  let shortened = 0;
  for (let s = 0; s < built.batch.labels.length; s++) {
    const ended = everything.haltingSteps[offsets[s]];
    for (let i = offsets[s]; i < offsets[s + 1]; i++) {
      assert.equal(logits.haltingSteps[i], Math.min(ended, everything.haltingSteps[i]));
      if (logits.haltingSteps[i] < everything.haltingSteps[i]) shortened++;
    }
  }
  assert(shortened > 0);
});

Deno.test("in exit mode a halted token's state is frozen, and every renewal counts all tokens once a head", () => {
  const { config, state, batch } = buildCase(PAPER_SIZE);
  const parts = modelParts(config, {
    parameters: Float64Array.from(state.weights.parameters),
    buffers: Float64Array.from(state.weights.buffers),
  });
  const { tokens } = single(batch, 2);
  const { recurrence } = forwardSequence(parts, tokens, NO_DROPOUT, { keep: "all steps", endWithCls: false });
  const d = config.dModel;
  let frozen = 0;
  for (const { t, input, output, bins } of recurrence.steps) {
    for (let i = 0; i < tokens.length; i++) {
      const same = input.subarray(i * d, (i + 1) * d).every((value, j) => value === output[i * d + j]);
      assert.equal(same, t >= recurrence.halting.steps[i], `token ${i}, step ${t}`);
      if (same) frozen++;
    }
    const mass = bins.mass.reduce((sum, value) => sum + value, 0);
    assert(Math.abs(mass - config.numHeads * tokens.length) <= 1e-10);
  }
  assert(frozen > 0);
});

Deno.test("bins are renewed at every f-th step and reused in between", () => {
  const { config, state, batch } = caseWhere(({ config }) => config.binUpdateFrequency === 3 && config.maxLayers > 4);
  const parts = modelParts(config, {
    parameters: Float64Array.from(state.weights.parameters),
    buffers: Float64Array.from(state.weights.buffers),
  });
  const { tokens } = single(batch, batch.labels.length - 1);
  const { recurrence } = forwardSequence(parts, tokens, NO_DROPOUT, { keep: "all steps", endWithCls: false });
  const renewals = recurrence.steps.map((step) => step.renewed);
  assert(renewals.length >= 4);
  assert.deepEqual(renewals, renewals.map((_, t) => t % 3 === 0));
  recurrence.steps.forEach((step, t) => assert.equal(step.bins, recurrence.steps[t - t % 3].bins));
});

Deno.test("dropout is determined by seed and step, and none is used in predictions", async () => {
  const built = caseWhere(({ settings }) => settings.dropout > 0);
  const engine = await engineFor(built, built.config);
  const first = await engine.gradient(built.batch, built.settings);
  assert.deepEqual(await engine.gradient(built.batch, built.settings), first);
  const otherSeed = await engine.gradient(built.batch, { ...built.settings, seed: built.settings.seed + 1 });
  assert.notEqual(otherSeed.loss, first.loss);
  const { weights, optimizer } = built.state;
  await engine.upload({ weights, optimizer: { ...optimizer, step: optimizer.step + 1 } });
  assert.notEqual((await engine.gradient(built.batch, built.settings)).loss, first.loss);
  const without = await engine.gradient(built.batch, { ...built.settings, dropout: 0 });
  const { losses } = await engine.predict(built.batch, { want: "everything", klScale: built.settings.klScale });
  assert.equal(losses?.loss, without.loss);
});

Deno.test("a step with a non-finite loss changes nothing but u and v", async () => {
  const built = buildCase(PAPER_SIZE);
  const spec = tensorTable(built.config).byName.get("classification_head.bias");
  assert(spec);
  tensorView(built.state.weights, spec).fill(Infinity);
  const engine = await engineFor(built, built.config);
  const before = await engine.download();
  const result = await engine.trainStep(built.batch, built.settings);
  const after = await engine.download();
  assert.equal(result.updated, false);
  assert.deepEqual(after.optimizer, before.optimizer);
  assert.deepEqual(after.weights.parameters, before.weights.parameters);
  assert.notDeepEqual(after.weights.buffers, before.weights.buffers);
});

Deno.test("a step reports the losses of the weights before it, its steps and its hits", async () => {
  const built = buildCase(PAPER_SIZE);
  const engine = await engineFor(built, built.config);
  const result = await engine.trainStep(built.batch, { ...built.settings, learningRate: 0 });
  const { weights, optimizer } = await engine.download();
  assert.equal(optimizer.step, built.state.optimizer.step + 1);
  assert.deepEqual(weights.parameters, Float64Array.from(built.state.weights.parameters));
  const prediction = await engine.predict(built.batch, { want: "everything", klScale: built.settings.klScale });
  assert.equal(result.loss, prediction.losses?.loss);
  assert.equal(result.tokenSteps, prediction.haltingSteps.reduce((sum, steps) => sum + steps, 0));
  const hits = Array.from(built.batch.labels, (label, s) => {
    const [negative, positive] = prediction.logits.slice(2 * s, 2 * s + 2);
    return (positive > negative ? 1 : 0) === label ? 1 : 0;
  });
  assert.equal(result.correct, hits.reduce((sum: number, hit) => sum + hit, 0));
  const { gradient } = await engine.gradient(built.batch, built.settings);
  const norm = Math.sqrt(Array.from(gradient).reduce((sum, slope) => sum + slope * slope, 0));
  assert(Math.abs(result.gradNorm / norm - 1) <= 1e-12);
});

Deno.test("clipping divides by norm + 1e-6, never enlarges, and 0 switches it off", () => {
  assert.equal(clipFactor(4, 1), 1 / (4 + 1e-6));
  assert.equal(clipFactor(0.5, 1), 1);
  assert.equal(clipFactor(1e9, 0), 1);
});

Deno.test("a broken batch or slab is a DataError, not a wrong result", async () => {
  const built = buildCase(PAPER_SIZE);
  const engine = await engineFor(built, built.config);
  const { batch, config } = built;
  const broken: PackedBatch[] = [
    { ...batch, tokens: batch.tokens.map((id, i) => i === 3 ? config.vocabSize : id) },
    { ...batch, tokens: batch.tokens.map((id, i) => i === 3 ? -1 : id) },
    { ...batch, labels: batch.labels.map(() => config.numClasses) },
    { ...batch, offsets: batch.offsets.map((offset, s) => s === 2 ? batch.offsets[1] : offset) },
    { ...batch, offsets: batch.offsets.slice(1) },
    { tokens: new Int32Array(0), offsets: new Uint32Array(1), labels: new Uint8Array(0) },
  ];
  for (const wrong of broken) {
    await assert.rejects(engine.predict(wrong, { want: "logits", klScale: 1 }), DataError);
    await assert.rejects(engine.gradient(wrong, built.settings), DataError);
    await assert.rejects(engine.trainStep(wrong, built.settings), DataError);
    await assert.rejects(engine.trace(wrong), DataError);
  }
  const short = { parameters: new Float32Array(3), buffers: built.state.weights.buffers };
  await assert.rejects(engine.upload({ weights: short }), DataError);
});

Deno.test("a refused upload leaves the engine as it was", async () => {
  const built = buildCase(PAPER_SIZE);
  const engine = await engineFor(built, built.config);
  const before = await engine.download();
  const { parameters, buffers } = built.state.weights;
  const weights = { parameters: parameters.map(() => 1), buffers: buffers.subarray(1) };
  await assert.rejects(engine.upload({ weights }), DataError);
  assert.deepEqual(await engine.download(), before);
});

/** Float32 arithmetic is off by about 1e-6 in a probability. */
const SAFE_MARGIN = 1e-4;

Deno.test("no halting decision of an agreement case lies so close to its tie that float32 could flip it", () => {
  for (const agreement of AGREEMENT_CASES) {
    const { config, state, batch, settings } = buildCase(agreement);
    // Where every sigmoid is 1 in float32, the distance is that of 1 from the threshold.
    const least = agreement.haltingBias > 14 ? 5e-7 : SAFE_MARGIN;
    for (const dropout of new Set([0, settings.dropout])) {
      const margin = haltingMargin(config, state.weights, batch, dropout, settings.seed, state.optimizer.step);
      assert(margin >= least, `${agreement.name}: margin ${margin} with dropout ${dropout}`);
    }
  }
});

Deno.test("the agreement cases reach every depth from one step to the last", async () => {
  const depths = new Set<number>();
  for (const built of AGREEMENT_CASES.map(buildCase)) {
    const engine = await engineFor(built, built.config);
    const { haltingSteps } = await engine.predict(built.batch, { want: "everything", klScale: 1 });
    haltingSteps.forEach((steps) => depths.add(steps));
  }
  assert.deepEqual([...depths].sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
});
