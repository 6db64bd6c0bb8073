/*
 * Writes fixtures/goldens/*.json: values of the form of spec §6 with sizes, seeds and modes of our own, computed by the
 * float64 reference once it has passed the independent golden values. Run it only when the model's definition changes:
 * deno run -A tests/model/make_goldens.ts
 */
import assert from "node:assert/strict";
import { type AgreementCase, buildCase } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import type { GoldenNoise } from "../../src/model/golden.ts";
import { HALT_THRESHOLD } from "../../src/model/reference/halting.ts";
import { modelParts } from "../../src/model/reference/parts.ts";
import { powerIteration } from "../../src/model/reference/spectral_norm.ts";
import { tensorTable, tensorView, type Weights } from "../../src/model/tensors.ts";
import { ADAMW } from "../../src/train/config.ts";
import { learningRateAt } from "../../src/train/schedule.ts";
import { haltingMargin } from "./halting_margin.ts";

/** No halting decision of a golden file may lie closer to its tie. */
const LEAST_MARGIN = 1e-3;
const TRAJECTORY_STEPS = 8;

type Sizes = Partial<ModelConfig> & Pick<AgreementCase, "lengths" | "seed" | "noise">;

function goldenCase(name: string, { lengths, seed, noise, ...sizes }: Sizes): AgreementCase {
  const config = { ...PAPER_CONFIG, dropout: 0, vocabSize: 11, maxSeqLength: Math.max(2, ...lengths), ...sizes };
  return { name, config, lengths, dropout: 0, seed, weightScale: 1.25, haltingBias: -0.5, noise };
}

const EPSILON_FILES = [
  goldenCase("epsilon-exit", { lengths: [7, 1, 5], seed: 101 }),
  goldenCase("epsilon-soft-odd", {
    ...{ dModel: 10, numHeads: 5, numBins: 7, ffnDim: 18, maxLayers: 5, numClasses: 3, halting: "soft" },
    ...{ lengths: [9, 2, 1, 6], seed: 102 },
  }),
  goldenCase("epsilon-exit-binfreq3", {
    ...{ dModel: 9, numHeads: 3, numBins: 5, ffnDim: 7, maxLayers: 7, binUpdateFrequency: 3, targetHaltingMean: 2 },
    ...{ klLossWeight: 0.2, entLossWeight: 0.1, alphaRes: 0.5, lengths: [8, 11], seed: 103 },
  }),
  goldenCase("epsilon-noise-embedding", {
    ...{ dModel: 6, numHeads: 2, numBins: 5, ffnDim: 7, maxLayers: 4, halting: "soft" },
    ...{ lengths: [7, 1, 4], seed: 107, noise: { site: "embedding", gain: 0.4 } },
  }),
  goldenCase("epsilon-noise-state", {
    ...{ dModel: 10, numHeads: 2, numBins: 4, ffnDim: 9, maxLayers: 5, binUpdateFrequency: 2 },
    ...{ lengths: [6, 1, 9], seed: 108, noise: { site: "state", gain: 0.3 } },
  }),
  goldenCase("epsilon-repeat-3", { halting: "repeat-k", repeat: 3, lengths: [6, 1, 9], seed: 106 }),
];

const VANILLA_FILE = goldenCase("vanilla-odd", {
  ...{ model: "vanilla", dModel: 9, numHeads: 3, ffnDim: 7, maxLayers: 3, numClasses: 3 },
  ...{ lengths: [8, 1, 11], seed: 105 },
});

const TRAJECTORY_FILE = goldenCase("trajectory-exit", {
  ...{ dModel: 8, numHeads: 2, numBins: 4, ffnDim: 20, maxLayers: 5, lengths: [6, 4, 9], seed: 104 },
});

/** Weights on a grid of 1/256: short in decimal, and the same in float32 and float64. */
function onGrid({ parameters, buffers }: Weights): Weights<Float64Array> {
  const round = (values: ArrayLike<number>) => Float64Array.from(values, (value) => Math.round(value * 256) / 256);
  return { parameters: round(parameters), buffers: round(buffers) };
}

const short = (value: number) => Number(value.toPrecision(14));

function tensor(shape: readonly number[], values: ArrayLike<number>) {
  return { shape, data: Array.from(values, short) };
}

function named(config: ModelConfig, weights: Weights, roles: readonly string[]) {
  const { parameters, buffers } = tensorTable(config);
  const specs = [...parameters, ...buffers].filter((spec) => roles.includes(spec.role));
  return Object.fromEntries(specs.map((spec) => [spec.name, tensor(spec.shape, tensorView(weights, spec))]));
}

function header(kind: string, config: ModelConfig, klScale: number) {
  return {
    kind,
    config: {
      vocab_size: config.vocabSize,
      d_model: config.dModel,
      num_heads: config.numHeads,
      num_bins: config.numBins,
      ffn_dim: config.ffnDim,
      max_layers: config.maxLayers,
      num_classes: config.numClasses,
      alpha_res: config.alphaRes,
      target_halting_mean: config.targetHaltingMean,
      kl_loss_weight: config.klLossWeight,
      ent_loss_weight: config.entLossWeight,
      bin_update_frequency: config.binUpdateFrequency,
      ...config.halting === "repeat-k" ? { repeat: config.repeat } : {},
    },
    halting: config.halting,
    kl_scale: klScale,
  };
}

function inputs({ tokens, offsets, labels }: PackedBatch) {
  const sequences = Array.from(labels, (_, s) => Array.from(tokens.subarray(offsets[s], offsets[s + 1])));
  return { input_ids: sequences, labels: Array.from(labels) };
}

function losses(result: { loss: number; taskLoss: number; klLoss: number; entropyLoss: number }) {
  const { loss, taskLoss, klLoss, entropyLoss } = result;
  return { total: short(loss), task: short(taskLoss), kl: short(klLoss), entropy: short(entropyLoss) };
}

function requireMargin(name: string, config: ModelConfig, weights: Weights, batch: PackedBatch, noise?: GoldenNoise) {
  const margin = haltingMargin(config, weights, batch, 0, noise?.seed ?? 0, 0, HALT_THRESHOLD, noise);
  assert(margin >= LEAST_MARGIN, `${name}: halting margin ${margin}, choose another seed`);
}

async function epsilonFile(agreement: AgreementCase) {
  const { config, state, batch } = buildCase(agreement);
  const klScale = 0.7;
  const weights = onGrid(state.weights);
  const noise = agreement.noise && { ...agreement.noise, seed: agreement.seed };
  requireMargin(agreement.name, config, weights, batch);
  requireMargin(agreement.name, config, weights, batch, noise);
  const engine = new ReferenceEngine(config);
  await engine.upload({ weights });
  const { logits } = await engine.predict(batch, { want: "everything", klScale });
  const traces = await engine.trace(batch);
  const result = await engine.gradient(batch, { klScale, dropout: 0, seed: noise?.seed ?? 0, noise });
  const { numHeads: H, numBins: B, maxLayers: L, dModel: d, numClasses } = config;
  const n = (s: number) => agreement.lengths[s];
  return {
    ...header("epsilon", config, klScale),
    ...noise && { noise },
    params: named(config, weights, ["parameter", "buffer"]),
    ...inputs(batch),
    expected: {
      logits: tensor([agreement.lengths.length, numClasses], logits),
      step_probabilities: traces.map((trace, s) => tensor([n(s), L], trace.stepProbabilities)),
      halting_steps: traces.map((trace) => Array.from(trace.haltingSteps)),
      bin_assignment_step0: traces.map((trace, s) => tensor([H, n(s), B], trace.binAssignmentStep0)),
      attention_step0: traces.map((trace, s) => tensor([H, n(s), B], trace.attentionStep0)),
      state_step0: traces.map((trace, s) => tensor([n(s), d], trace.stateStep0)),
      losses: losses(result),
      gradients: named(config, { parameters: result.gradient, buffers: new Float64Array(0) }, ["parameter"]),
    },
  };
}

async function vanillaFile(agreement: AgreementCase) {
  const { config, state, batch } = buildCase(agreement);
  const weights = onGrid(state.weights);
  const engine = new ReferenceEngine(config);
  await engine.upload({ weights });
  const { logits } = await engine.predict(batch, { want: "everything", klScale: 1 });
  const { taskLoss, gradient } = await engine.gradient(batch, { klScale: 1, dropout: 0, seed: 0 });
  return {
    kind: "vanilla",
    config: {
      vocab_size: config.vocabSize,
      d_model: config.dModel,
      num_heads: config.numHeads,
      ffn_dim: config.ffnDim,
      num_layers: config.maxLayers,
      num_classes: config.numClasses,
    },
    params: named(config, weights, ["parameter"]),
    ...inputs(batch),
    expected: {
      logits: tensor([agreement.lengths.length, config.numClasses], logits),
      losses: { task: short(taskLoss) },
      gradients: named(config, { parameters: gradient, buffers: new Float64Array(0) }, ["parameter"]),
    },
  };
}

async function trajectoryFile(agreement: AgreementCase) {
  const { config, state, batch } = buildCase(agreement);
  const klScale = 1;
  const weights = onGrid(state.weights);
  const engine = new ReferenceEngine(config);
  await engine.upload({ weights });
  const schedule = { peak: 0.003, warmupSteps: 3, totalSteps: TRAJECTORY_STEPS };
  const recipe = { ...ADAMW, weightDecay: 0.01, clipGradNorm: 1 };
  const steps = [];
  for (let step = 0; step < TRAJECTORY_STEPS; step++) {
    const before = (await engine.download()).weights;
    const parts = modelParts(config, before);
    powerIteration(parts.tensors.linear1, parts.buffers1);
    powerIteration(parts.tensors.linear2, parts.buffers2);
    requireMargin(`${agreement.name} step ${step}`, config, before, batch);
    const learningRate = learningRateAt(step, schedule);
    const result = await engine.trainStep(batch, { ...recipe, klScale, dropout: 0, seed: 0, learningRate });
    steps.push({ step, lr: learningRate, grad_norm: short(result.gradNorm), ...losses(result) });
  }
  return {
    ...header("trajectory", config, klScale),
    optimizer: {
      name: "adamw",
      lr: schedule.peak,
      beta1: recipe.beta1,
      beta2: recipe.beta2,
      eps: recipe.epsilon,
      weight_decay: recipe.weightDecay,
      clip_grad_norm: recipe.clipGradNorm,
      warmup_steps: schedule.warmupSteps,
      total_steps: schedule.totalSteps,
    },
    params: named(config, weights, ["parameter", "buffer"]),
    ...inputs(batch),
    expected: {
      steps,
      final_params: named(config, (await engine.download()).weights, ["parameter", "buffer"]),
    },
  };
}

const folder = new URL("../../fixtures/goldens/", import.meta.url);
for (const agreement of EPSILON_FILES) {
  Deno.writeTextFileSync(
    new URL(`${agreement.name}.json`, folder),
    JSON.stringify(await epsilonFile(agreement)) + "\n",
  );
}
Deno.writeTextFileSync(
  new URL(`${VANILLA_FILE.name}.json`, folder),
  JSON.stringify(await vanillaFile(VANILLA_FILE)) + "\n",
);
Deno.writeTextFileSync(
  new URL(`${TRAJECTORY_FILE.name}.json`, folder),
  JSON.stringify(await trajectoryFile(TRAJECTORY_FILE)) + "\n",
);
