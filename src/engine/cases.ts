import type { PackedBatch } from "../data/packed_batch.ts";
import { type HaltingMode, type ModelConfig, PAPER_CONFIG, validateModelConfig } from "../model/config.ts";
import { initialWeights } from "../model/initialization.ts";
import type { NoiseSettings } from "../model/noise.ts";
import { Purpose, RandomStream } from "../model/random.ts";
import { powerIteration } from "../model/reference/spectral_norm.ts";
import { epsilonTensors, spectralBuffers } from "../model/reference/tensors.ts";
import type { ModelState } from "../model/state.ts";
import { tensorTable, tensorView, type Weights } from "../model/tensors.ts";
import type { StepSettings } from "./engine.ts";
import { NOISY_VANILLA_CASES, VANILLA_CASES } from "./vanilla_cases.ts";

/** One adversarial size on which every engine is tested against the reference, and timed. */
export interface AgreementCase {
  /** Sizes and mode in short: prints what reproduces it. */
  readonly name: string;
  readonly config: ModelConfig;
  /** Tokens of each sequence. */
  readonly lengths: readonly number[];
  /** Probability of dropping a value. */
  readonly dropout: number;
  readonly seed: number;
  /** Factor on the initial weights: larger makes softmaxes sharper and states wilder. */
  readonly weightScale: number;
  /** Bias of every halting unit: −9 hardly ever halts, −150 underflows, 2 halts after two steps, 20 after one. */
  readonly haltingBias: number;
  /** Noise on the states of training steps; none when absent. */
  readonly noise?: NoiseSettings;
}

/** A case's numbers. */
export interface BuiltCase {
  readonly config: ModelConfig;
  /** float32 weights with moments that are not zero, three steps into training. */
  readonly state: Required<ModelState<Float32Array>>;
  readonly batch: PackedBatch;
  readonly settings: StepSettings;
}

interface Sizes {
  readonly d: number;
  readonly heads: number;
  readonly bins: number;
  readonly ffn: number;
  readonly layers: number;
  readonly lengths: readonly number[];
  readonly mode: HaltingMode;
  /** k of mode `repeat-k`. */
  readonly repeat?: number;
  readonly seed: number;
  readonly f?: number;
  readonly dropout?: number;
  readonly classes?: number;
  readonly bias?: number;
  readonly scale?: number;
  readonly alpha?: number;
  readonly mean?: number;
  readonly noise?: NoiseSettings;
}

const VOCABULARY = 37;
const STEPS_TAKEN = 3;

function agreementCase(sizes: Sizes): AgreementCase {
  const { d, heads, bins, ffn, layers, lengths, mode, seed } = sizes;
  const {
    repeat = PAPER_CONFIG.repeat,
    f = 1,
    dropout = 0,
    classes = 2,
    bias = -1,
    scale = 1,
    alpha = 0.25,
    mean = 3,
    noise,
  } = sizes;
  const variant = mode === "repeat-k" ? `repeat-${repeat}` : mode;
  const name = `${variant} d${d} H${heads} B${bins} F${ffn} L${layers} f${f} C${classes} n${lengths.join("+")} ` +
    `dropout ${dropout} halting ${bias} scale ${scale} alpha ${alpha} mean ${mean}${
      noise ? ` noise ${noise.gain} on ${noise.site}` : ""
    } seed ${seed}`;
  const config = validateModelConfig({
    ...PAPER_CONFIG,
    vocabSize: VOCABULARY,
    dModel: d,
    numHeads: heads,
    numBins: bins,
    ffnDim: ffn,
    maxLayers: layers,
    numClasses: classes,
    alphaRes: alpha,
    targetHaltingMean: mean,
    klLossWeight: 0.15,
    entLossWeight: 0.05,
    binUpdateFrequency: f,
    halting: mode,
    repeat,
    dropout,
    maxSeqLength: Math.max(2, ...lengths),
  });
  return { name, config, lengths, dropout, seed, weightScale: scale, haltingBias: bias, ...noise && { noise } };
}

/** Sizes on either side of every edge that an engine may have: heads, bins, lanes, tiles, modes, extremes of halting. */
const SIZES: readonly Sizes[] = [
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [17, 9, 26, 5], mode: "exit", seed: 1 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [17, 9, 26, 5], mode: "soft", seed: 2 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [64, 65], mode: "exit", seed: 3, dropout: 0.1 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 2], mode: "soft", seed: 4, dropout: 0.5 },
  { d: 4, heads: 4, bins: 1, ffn: 1, layers: 1, lengths: [1], mode: "exit", seed: 5 },
  { d: 4, heads: 2, bins: 3, ffn: 5, layers: 2, lengths: [1, 2, 7], mode: "soft", seed: 6, classes: 3, mean: 1 },
  { d: 6, heads: 2, bins: 7, ffn: 18, layers: 5, lengths: [7, 8, 9], mode: "exit", seed: 7, f: 2 },
  { d: 8, heads: 1, bins: 4, ffn: 5, layers: 5, lengths: [8, 1, 31], mode: "soft", seed: 8, f: 3, mean: 5.5 },
  { d: 8, heads: 4, bins: 33, ffn: 18, layers: 8, lengths: [31, 32, 33], mode: "exit", seed: 9, f: 3, dropout: 0.1 },
  { d: 10, heads: 2, bins: 3, ffn: 18, layers: 5, lengths: [9, 2], mode: "soft", seed: 10, f: 2, dropout: 0.5 },
  { d: 10, heads: 5, bins: 7, ffn: 18, layers: 5, lengths: [32, 7], mode: "exit", seed: 11, classes: 3, alpha: 1 },
  { d: 12, heads: 12, bins: 4, ffn: 5, layers: 2, lengths: [9, 1], mode: "exit", seed: 12, dropout: 0.1 },
  { d: 12, heads: 1, bins: 16, ffn: 130, layers: 5, lengths: [8, 65], mode: "soft", seed: 13, scale: 1.5 },
  { d: 14, heads: 2, bins: 7, ffn: 5, layers: 5, lengths: [31, 8], mode: "exit", seed: 14, f: 2, dropout: 0.5 },
  { d: 20, heads: 4, bins: 33, ffn: 72, layers: 5, lengths: [33, 64], mode: "exit", seed: 15, scale: 1.5, f: 2 },
  { d: 33, heads: 11, bins: 7, ffn: 18, layers: 5, lengths: [7, 32], mode: "soft", seed: 16, classes: 3, dropout: 0.1 },
  { d: 33, heads: 3, bins: 1, ffn: 130, layers: 2, lengths: [65, 1], mode: "exit", seed: 17 },
  { d: 48, heads: 3, bins: 16, ffn: 130, layers: 5, lengths: [31, 9], mode: "exit", seed: 18, f: 3 },
  { d: 64, heads: 4, bins: 33, ffn: 130, layers: 2, lengths: [33, 1, 8], mode: "soft", seed: 19, dropout: 0.1 },
  { d: 64, heads: 64, bins: 3, ffn: 18, layers: 2, lengths: [9], mode: "exit", seed: 20, classes: 3 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [257], mode: "exit", seed: 21, dropout: 0.1 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 1], mode: "exit", seed: 22, bias: 2 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 1], mode: "soft", seed: 23, bias: 2, dropout: 0.1 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [9, 33], mode: "exit", seed: 27, bias: 20 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 1], mode: "exit", seed: 24, bias: -9 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 1], mode: "soft", seed: 25, bias: -9, f: 3 },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [9, 2], mode: "exit", seed: 28, bias: -150 },
  { d: 20, heads: 4, bins: 4, ffn: 72, layers: 8, lengths: [2, 1, 1, 2], mode: "exit", seed: 26, dropout: 0.5, f: 2 },
  {
    ...{ d: 10, heads: 2, bins: 7, ffn: 18, layers: 5, lengths: [9, 2, 17, 1, 5, 12, 3], mode: "exit" },
    ...{ seed: 34, f: 2, dropout: 0.1, classes: 3, bias: -1.5 },
  },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [17, 9], mode: "repeat-k", repeat: 3, seed: 29 },
  {
    ...{ d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [33, 2], mode: "repeat-k" },
    ...{ repeat: 4, seed: 30, dropout: 0.1, f: 2 },
  },
  { d: 4, heads: 4, bins: 1, ffn: 1, layers: 1, lengths: [1], mode: "repeat-k", repeat: 1, seed: 31 },
  {
    ...{ d: 10, heads: 5, bins: 7, ffn: 18, layers: 5, lengths: [9, 1, 8], mode: "repeat-k" },
    ...{ repeat: 5, seed: 32, dropout: 0.5, f: 3, classes: 3 },
  },
  { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8, lengths: [65, 64], mode: "repeat-k", repeat: 8, seed: 33, bias: 20 },
];

/** The Epsilon model's list, which serves agreement, gradient and speed tests. */
export const AGREEMENT_CASES: readonly AgreementCase[] = SIZES.map(agreementCase);

const state = (gain: number): NoiseSettings => ({ site: "state", gain });
const embedding = (gain: number): NoiseSettings => ({ site: "embedding", gain });
const PAPER_SIZE = { d: 12, heads: 2, bins: 16, ffn: 72, layers: 8 } as const;

/** Noise at either site, in every mode: where tokens halt at each step and at none, and where dropout empties states. */
const NOISY_SIZES: readonly Sizes[] = [
  { ...PAPER_SIZE, lengths: [17, 9, 26, 5], mode: "exit", seed: 41, dropout: 0.1, noise: state(0.3) },
  { ...PAPER_SIZE, lengths: [9, 2], mode: "exit", seed: 42, dropout: 0.1, noise: embedding(0.3) },
  { ...PAPER_SIZE, lengths: [11, 2], mode: "soft", seed: 43, dropout: 0.1, noise: state(0.1) },
  { ...PAPER_SIZE, lengths: [9], mode: "repeat-k", repeat: 3, seed: 44, noise: state(0.3) },
  { ...PAPER_SIZE, lengths: [8], mode: "exit", seed: 45, bias: -9, noise: state(0.3) },
  {
    d: 4,
    heads: 2,
    bins: 3,
    ffn: 5,
    layers: 3,
    lengths: [1, 9],
    mode: "soft",
    seed: 46,
    dropout: 0.5,
    noise: embedding(1),
  },
  { d: 6, heads: 2, bins: 7, ffn: 18, layers: 5, lengths: [7, 9], mode: "exit", seed: 47, f: 2, noise: state(0.3) },
  { d: 20, heads: 4, bins: 4, ffn: 18, layers: 3, lengths: [13], mode: "exit", seed: 48, noise: state(0.7) },
];

/** Cases of both models with noise. */
export const NOISY_CASES: readonly AgreementCase[] = [...NOISY_SIZES.map(agreementCase), ...NOISY_VANILLA_CASES];

/** The cases of both models, with and without noise. */
export const ALL_CASES: readonly AgreementCase[] = [...AGREEMENT_CASES, ...VANILLA_CASES, ...NOISY_CASES];

/** Weights with nothing left at a special value: scaled, γ around 1, β and log_tau around 0, u and v power-iterated. */
function wildWeights({ config, seed, weightScale, haltingBias }: AgreementCase): Weights<Float32Array> {
  const weights = initialWeights(config, seed);
  const stream = new RandomStream(seed, Purpose.weights, 1000);
  for (const spec of tensorTable(config).parameters) {
    const values = tensorView(weights, spec);
    if (spec.law.kind === "constant") {
      for (let e = 0; e < values.length; e++) values[e] += 0.2 * stream.normal();
    } else if (/^halting_fcs\.\d+\.bias$/.test(spec.name)) {
      values[0] = haltingBias + 0.2 * stream.normal();
    } else {
      for (let e = 0; e < values.length; e++) values[e] *= weightScale;
    }
  }
  if (config.model === "vanilla") return weights;
  const buffers = Float64Array.from(weights.buffers);
  const { linear1, linear2 } = epsilonTensors(config, Float64Array.from(weights.parameters));
  const { linear1: buffers1, linear2: buffers2 } = spectralBuffers(config, buffers);
  powerIteration(linear1, buffers1);
  powerIteration(linear2, buffers2);
  return { parameters: weights.parameters, buffers: Float32Array.from(buffers) };
}

/** Builds the numbers of `agreement`: the same on every machine. */
export function buildCase(agreement: AgreementCase): BuiltCase {
  const { config, lengths, dropout, seed, noise } = agreement;
  const weights = wildWeights(agreement);
  const stream = new RandomStream(seed, Purpose.order, 1000);
  const offsets = Uint32Array.from([0, ...lengths]);
  for (let s = 0; s < lengths.length; s++) offsets[s + 1] += offsets[s];
  const count = weights.parameters.length;
  return {
    config,
    state: {
      weights,
      optimizer: {
        firstMoment: Float32Array.from({ length: count }, () => 0.01 * stream.normal()),
        secondMoment: Float32Array.from({ length: count }, () => 1e-4 * (0.1 + stream.uniform())),
        step: STEPS_TAKEN,
      },
    },
    batch: {
      tokens: Int32Array.from({ length: offsets[lengths.length] }, () => stream.below(config.vocabSize)),
      offsets,
      labels: Uint8Array.from(lengths, () => stream.below(config.numClasses)),
    },
    settings: {
      klScale: 0.7,
      dropout,
      seed,
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clipGradNorm: 1,
      ...noise && { noise },
    },
  };
}
