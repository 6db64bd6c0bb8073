import type { PackedBatch } from "../../data/packed_batch.ts";
import type { Engine, StepSettings } from "../../engine/engine.ts";
import type { ModelConfig } from "../../model/config.ts";
import { initialWeights } from "../../model/initialization.ts";
import { Purpose, RandomStream } from "../../model/random.ts";
import { powerIteration } from "../../model/reference/spectral_norm.ts";
import { epsilonTensors, spectralBuffers } from "../../model/reference/tensors.ts";
import { tensorTable, type Weights } from "../../model/tensors.ts";
import { ADAMW, PAPER_RECIPE } from "../../train/config.ts";

const SEED = 1;

/** Enough for u and v to stand still, so that the training steps that are timed leave the work as it is. */
const POWER_ITERATIONS = 200;

/** Halting bias with which no token halts: all steps run. */
export const NEVER_HALTS = -9;
/** Halting bias with which every token halts after its first step. */
const HALTS_AT_ONCE = 20;

/** Mean steps of the paper's trained model, about (it ends at a mean depth of 1.78). */
export const TYPICAL_STEPS = 2.8;

/** A batch of equally long sequences of random tokens: its work is known. */
export function uniformBatch(config: ModelConfig, sequences: number, length: number): PackedBatch {
  const stream = new RandomStream(SEED, Purpose.order);
  return {
    tokens: Int32Array.from({ length: sequences * length }, () => stream.below(config.vocabSize)),
    offsets: Uint32Array.from({ length: sequences + 1 }, (_, s) => s * length),
    labels: Uint8Array.from({ length: sequences }, (_, s) => s % config.numClasses),
  };
}

/** Initial weights whose u and v are those of a model in training. */
export function settledWeights(config: ModelConfig): Weights<Float32Array> {
  const { parameters, buffers } = initialWeights(config, SEED);
  const exact = Float64Array.from(buffers);
  const { linear1, linear2 } = epsilonTensors(config, Float64Array.from(parameters));
  const { linear1: buffers1, linear2: buffers2 } = spectralBuffers(config, exact);
  for (let i = 0; i < POWER_ITERATIONS; i++) {
    powerIteration(linear1, buffers1);
    powerIteration(linear2, buffers2);
  }
  return { parameters, buffers: Float32Array.from(exact) };
}

/** `weights` with `bias` in every halting unit. */
export function withHaltingBias(
  config: ModelConfig,
  { parameters, buffers }: Weights<Float32Array>,
  bias: number,
): Weights<Float32Array> {
  const biased = Float32Array.from(parameters);
  for (const { name, offset } of tensorTable(config).parameters) {
    if (/^halting_fcs\.\d+\.bias$/.test(name)) biased[offset] = bias;
  }
  return { parameters: biased, buffers };
}

/** Weights and the work that they make. */
export interface Depth {
  readonly weights: Weights<Float32Array>;
  /** Block applications per token. */
  readonly meanSteps: number;
}

/** Halvings of the interval in which the halting bias is sought. */
const BISECTIONS = 12;

/**
 * Weights with which the tokens of `batch` take `wanted` steps on average, as nearly as one halting bias for all steps
 * allows; `engine` is left with them. The tokens halt at different steps, as those of a trained model do.
 */
export async function weightsOfDepth(
  engine: Engine,
  config: ModelConfig,
  batch: PackedBatch,
  wanted: number,
): Promise<Depth> {
  const settled = settledWeights(config);
  const depthAt = async (bias: number): Promise<Depth> => {
    const weights = withHaltingBias(config, settled, bias);
    await engine.upload({ weights });
    return { weights, meanSteps: await countApplications(engine, config, batch) / batch.tokens.length };
  };
  let [deep, shallow] = [NEVER_HALTS, HALTS_AT_ONCE];
  let nearest = await depthAt(wanted <= 1 ? shallow : deep);
  for (let i = 0; i < BISECTIONS && wanted > 1 && wanted < config.maxLayers; i++) {
    const middle = (deep + shallow) / 2;
    const found = await depthAt(middle);
    if (Math.abs(found.meanSteps - wanted) < Math.abs(nearest.meanSteps - wanted)) nearest = found;
    if (found.meanSteps > wanted) deep = middle;
    else shallow = middle;
  }
  await engine.upload({ weights: nearest.weights });
  return nearest;
}

/**
 * Block applications that a whole pass over `batch` computes with the engine's weights: in `exit` mode the tokens' own
 * steps, in `soft` mode for every token those of its sequence's last one (spec §1).
 */
export async function countApplications(engine: Engine, config: ModelConfig, batch: PackedBatch): Promise<number> {
  const { haltingSteps } = await engine.predict(batch, { want: "everything", klScale: 1 });
  if (config.halting === "exit") return haltingSteps.reduce((sum, steps) => sum + steps, 0);
  return batch.labels.reduce((sum, _, s) => {
    const steps = haltingSteps.subarray(batch.offsets[s], batch.offsets[s + 1]);
    return sum + steps.length * steps.reduce((most, count) => Math.max(most, count), 0);
  }, 0);
}

/** A training step of the paper's recipe that leaves the weights as they are, so that every run has the same work. */
export function stepSettings(dropout: number): StepSettings {
  return {
    ...ADAMW,
    klScale: 1,
    dropout,
    seed: SEED,
    learningRate: 0,
    weightDecay: PAPER_RECIPE.weightDecay,
    clipGradNorm: PAPER_RECIPE.clipGradNorm,
  };
}
