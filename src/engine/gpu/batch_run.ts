import type { PackedBatch } from "../../data/packed_batch.ts";
import { LengthError, RunError } from "../../errors.ts";
import { LATENT_SIZE, type ModelConfig, stepLimit } from "../../model/config.ts";
import { dropoutThreshold } from "../../model/dropout.ts";
import { gradientNoiseKey } from "../../model/gradient_noise.ts";
import { pow } from "../../model/elementary.ts";
import { noiseLevel } from "../../model/noise.ts";
import type { Losses, ObjectiveSettings, StepSettings } from "../engine.ts";
import type { BatchWords } from "./batch_words.ts";
import { fours, groupsOf } from "./fields.ts";
import type { GpuLayout } from "./layout.ts";
import type { GpuProgram, SequenceWork } from "./program.ts";
import { gradientScale, type Storage } from "./storage.ts";
import { UNIFORM_BYTES } from "./uniforms.ts";

/** Floats of a sequence's results. */
export const RESULT_FLOATS = 8;

/**
 * Places in `halt` behind the `results` floats of its tokens: results, logits, the report of adamw.wgsl, then what the
 * dispatches of a step hand to each other, the factors and directions of sequence.wgsl.
 */
export function haltPlaces({ numClasses, numHeads, dModel, ffnDim }: ModelConfig, results: number, sequences: number) {
  const logits = results + RESULT_FLOATS * sequences;
  const report = logits + numClasses * sequences;
  const factors = report + 2, directions = factors + 3 + 2 * numHeads;
  return { results, logits, report, factors, directions, end: directions + 2 * (ffnDim + dModel) };
}

export type HaltPlaces = ReturnType<typeof haltPlaces>;

/** Numbers of a uniform buffer: whole numbers and floats side by side. */
export function uniform(
  integers: readonly number[],
  floats: readonly number[],
  then: readonly number[] = [],
): ArrayBuffer {
  const buffer = new ArrayBuffer(UNIFORM_BYTES);
  const view = new DataView(buffer);
  integers.forEach((value, i) => view.setUint32(4 * i, value, true));
  floats.forEach((value, i) => view.setFloat32(4 * (integers.length + i), value, true));
  then.forEach((value, i) => view.setUint32(4 * (integers.length + floats.length + i), value, true));
  return buffer;
}

/** What ends a token's and a sequence's steps. */
export interface Ending {
  /** A sequence ends with its `[CLS]` in `exit` mode. */
  readonly early: boolean;
  /** θ: a token halts when 1 − r ≥ θ (spec §1). */
  readonly haltThreshold: number;
}

/** Threads whose counts are summed together by one of them. */
const SCAN_RUN = 16;

/** `Settings` of sequence.wgsl. */
export function sequenceUniform(
  config: ModelConfig,
  storage: Storage,
  { batch: { tokens, labels }, words, objective: { klScale, dropout, noise }, ending, threads, halt, trains }:
    SequenceWork,
  recordStride: number,
): ArrayBuffer {
  const { early, haltThreshold } = ending;
  const threshold = dropoutThreshold(dropout);
  const scale = gradientScale(storage, tokens.length);
  const weights = [
    1 / (1 - threshold / 65536),
    scale / labels.length,
    config.halting === "repeat-k" ? 0 : scale * config.klLossWeight * klScale / tokens.length,
    scale * config.entLossWeight / (tokens.length * config.numHeads),
    1 - haltThreshold,
    noise?.site === "embedding" ? noise.gain : 0,
    noise?.site === "state" ? noise.gain : 0,
  ];
  const places = [words.offsets, words.labels, words.keys, words.order];
  const { state, head, heads, bins, hidden } = groupsOf(config);
  const scanRun = Math.min(SCAN_RUN, threads);
  const sizes = [
    ...[config.numHeads, state, head, heads, bins, hidden, fours(LATENT_SIZE)],
    ...[stepLimit(config), config.maxLayers, config.numClasses],
    ...[scanRun, threads / scanRun],
  ];
  return uniform([tokens.length, labels.length, early ? 1 : 0, threshold], weights, [
    ...places,
    ...[trains ? 1 : 0, recordStride, halt.factors, halt.directions],
    ...sizes,
  ]);
}

/** Blocks of reduce.wgsl. */
export function reduceBlocks(
  config: ModelConfig,
  { layout, spectralBlocks }: GpuProgram,
  words: BatchWords,
  threads: number,
): number {
  const vectors = words.segments * fours(config.dModel);
  return spectralBlocks + Math.ceil(layout.smallCount / threads) + Math.ceil(vectors / threads);
}

/** `Reduction` of reduce.wgsl. */
export function reduceUniform(
  { storage }: GpuProgram,
  { tokens, labels }: PackedBatch,
  words: BatchWords,
  blocks: number,
  { factors, directions }: HaltPlaces,
): ArrayBuffer {
  const { segments, permutation, ids, starts } = words;
  return uniform(
    [tokens.length, labels.length, segments, blocks, permutation, ids, starts, factors, directions, 2],
    [1 / gradientScale(storage, tokens.length)],
  );
}

/** `Update` of adamw.wgsl; `step` counts from 1, `gradientFactor` comes behind clipping. */
export function adamwUniform(
  layout: GpuLayout,
  blocks: number,
  sequences: number,
  { results, report, directions }: HaltPlaces,
  { learningRate, weightDecay, clipGradNorm, beta1, beta2, epsilon }: StepSettings,
  step: number,
  gradientFactor = 1,
): ArrayBuffer {
  return uniform([fours(layout.parameterCount), blocks, sequences, results, report, directions], [
    clipGradNorm,
    1 - learningRate * weightDecay,
    learningRate / (1 - pow(beta1, step)),
    1 / Math.sqrt(1 - pow(beta2, step)),
    beta1,
    beta2,
    epsilon,
    1 - beta1,
    1 - beta2,
    gradientFactor,
  ]);
}

/** `Jitter` of jitter.wgsl: noise of `deviation` on the gradient of optimizer step `step`, counted from 0. */
export function jitterUniform(
  { parameterCount }: GpuLayout,
  { seed }: ObjectiveSettings,
  step: number,
  deviation: number,
): ArrayBuffer {
  return uniform([fours(parameterCount), parameterCount, ...gradientNoiseKey(seed, step)], [deviation]);
}

export type ResultSums = Record<"taskLoss" | "klSum" | "entropySum" | "correct" | "tokenSteps", number>;

/** Sums of the sequences' results in the batch's order. */
export function sumResults(floats: Float32Array, sequences: number): ResultSums {
  const sum = (field: number) => {
    let total = 0;
    for (let s = 0; s < sequences; s++) total += floats[s * RESULT_FLOATS + field];
    return total;
  };
  return { taskLoss: sum(0), klSum: sum(1), entropySum: sum(2), correct: sum(3), tokenSteps: sum(4) };
}

/**
 * Standard deviation of the noise over all tokens that got it (`StepResult.noiseLevel`): each token at site `embedding`; at
 * site `state` once for each step but the first in which it was updated.
 */
export function noiseLevelOf(
  { halting }: ModelConfig,
  { offsets, labels }: PackedBatch,
  floats: Float32Array,
  { noise }: ObjectiveSettings,
): number {
  return noiseLevel(Array.from(labels, (_, s) => {
    const [, , , , tokenSteps, ran, , power] = floats.subarray(RESULT_FLOATS * s, RESULT_FLOATS * (s + 1));
    const n = offsets[s + 1] - offsets[s];
    const updates = halting === "exit" ? tokenSteps : ran * n;
    return { power, tokens: noise === undefined ? 0 : noise.site === "embedding" ? n : updates - n };
  }));
}

/** Throws LengthError unless every sequence ran to its end (sequence.wgsl, `proveComplete`). */
export function requireComplete(floats: Float32Array, sequences: number): void {
  for (let s = 0; s < sequences; s++) {
    if (floats[s * RESULT_FLOATS + 6] === 1) continue;
    throw new LengthError(
      `Cannot run sequence ${s} of the batch on this GPU: its driver cuts loops short after 65535 rounds`,
      "Use shorter sequences (--max-seq-length), or --device cpu; drivers of real GPUs have no such limit.",
    );
  }
}

/** Throws RunError where one of `norms`, a sum of squares, says −1: that it is not whole (reduce.wgsl, `isComplete`). */
export function requireReduced(norms: Float32Array): void {
  if (!norms.some((norm) => norm < 0)) return;
  throw new RunError(
    "Cannot add up the gradient of the batch on this GPU: its driver cuts loops short after 65535 rounds",
    "Use smaller batches (--batch-size), or --device cpu; drivers of real GPUs have no such limit.",
  );
}

/** The objective (spec §2) from the sums over its sequences. */
export function lossesOf(
  config: ModelConfig,
  { tokens, labels }: PackedBatch,
  klScale: number,
  sums: ResultSums,
): Losses {
  const { klLossWeight, entLossWeight, numHeads } = config;
  const taskLoss = sums.taskLoss / labels.length;
  const klLoss = klScale * sums.klSum / tokens.length;
  const entropyLoss = sums.entropySum / (tokens.length * numHeads);
  return { loss: taskLoss + klLossWeight * klLoss + entLossWeight * entropyLoss, taskLoss, klLoss, entropyLoss };
}
