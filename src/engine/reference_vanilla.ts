import type { PackedBatch } from "../data/packed_batch.ts";
import type { ModelConfig } from "../model/config.ts";
import { dropoutKey, DropoutMask } from "../model/dropout.ts";
import { noiseLevel, type NoisePower, StateNoise } from "../model/noise.ts";
import { noisePower } from "../model/reference/noise.ts";
import { crossEntropy } from "../model/reference/objective.ts";
import { backwardVanilla, forwardVanilla } from "../model/reference/vanilla/sequence.ts";
import { vanillaTensors } from "../model/reference/vanilla/tensors.ts";
import type { Losses, ObjectiveSettings, Prediction, SequenceTrace } from "./engine.ts";
import { vanillaTrace } from "./vanilla_trace.ts";
import { type BatchResult, largest, NO_DROPOUT, sequenceTokens } from "./reference_batch.ts";

/**
 * The vanilla baseline's part of the reference (spec §4). Every token takes all blocks, so that step counts are L; there
 * is no KL and no entropy term, and a trace has neither probabilities nor assignments nor attention over bins.
 */
export interface VanillaPass {
  readonly config: ModelConfig;
  readonly parameters: Float64Array;
  readonly batch: PackedBatch;
}

/** The objective where only the task counts (spec §4). */
export function taskLosses(taskLoss: number): Losses {
  return { loss: taskLoss, taskLoss, klLoss: 0, entropyLoss: 0 };
}

/** Losses of the batch; adds their gradient to `slab`. Masks are those of optimizer step `step`. */
export function vanillaBackward(
  { config, parameters, batch }: VanillaPass,
  { dropout, seed, noise: noiseSettings }: ObjectiveSettings,
  step: number,
  slab: Float64Array,
): BatchResult {
  const tensors = vanillaTensors(config, parameters);
  const gradient = vanillaTensors(config, slab);
  const sequences = batch.labels.length;
  let taskLoss = 0;
  let correct = 0;
  const noises: NoisePower[] = [];
  batch.labels.forEach((label, s) => {
    const key = dropoutKey(seed, step, s);
    const mask = new DropoutMask(key, dropout);
    const noise = new StateNoise(key, noiseSettings);
    const ids = sequenceTokens(batch, s);
    const forward = forwardVanilla(tensors, ids, mask, noise);
    const { start, blocks } = forward;
    const updated = new Uint8Array(ids.length).fill(1);
    noises.push(noisePower(noise, blocks.map((_, t) => ({ x: t === 0 ? start : blocks[t - 1].output, updated }))));
    const dLogits = new Float64Array(config.numClasses);
    taskLoss += crossEntropy(forward.logits, label, dLogits) / sequences;
    if (largest(forward.logits) === label) correct++;
    backwardVanilla(tensors, gradient, ids, forward, dLogits.map((slope) => slope / sequences), mask);
  });
  return {
    ...taskLosses(taskLoss),
    correct,
    tokenSteps: batch.tokens.length * config.maxLayers,
    noiseLevel: noiseLevel(noises),
  };
}

/** Logits, and with `everything` the losses, without dropout. */
export function vanillaPrediction({ config, parameters, batch }: VanillaPass, everything: boolean): Prediction {
  const tensors = vanillaTensors(config, parameters);
  const logits = new Float64Array(batch.labels.length * config.numClasses);
  let taskLoss = 0;
  batch.labels.forEach((label, s) => {
    const forward = forwardVanilla(tensors, sequenceTokens(batch, s), NO_DROPOUT);
    logits.set(forward.logits, s * config.numClasses);
    taskLoss += crossEntropy(forward.logits, label, new Float64Array(config.numClasses)) / batch.labels.length;
  });
  const haltingSteps = new Uint8Array(batch.tokens.length).fill(config.maxLayers);
  return everything ? { logits, haltingSteps, losses: taskLosses(taskLoss) } : { logits, haltingSteps };
}

/** States of every sequence before the first and after each block, without dropout. */
export function vanillaTraces({ config, parameters, batch }: VanillaPass): SequenceTrace[] {
  const tensors = vanillaTensors(config, parameters);
  return Array.from(batch.labels, (_, s) => {
    const { blocks } = forwardVanilla(tensors, sequenceTokens(batch, s), NO_DROPOUT);
    return vanillaTrace(config, [blocks[0].input, ...blocks.map(({ output }) => output)]);
  });
}
