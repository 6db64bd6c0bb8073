import type { DropoutMask } from "../../dropout.ts";
import { NO_NOISE, type StateNoise } from "../../noise.ts";
import { PAD, positionalEncoding } from "../embedding.ts";
import { linearRow, linearRowBackward } from "../linear.ts";
import { withNoise, withNoiseBackward } from "../noise.ts";
import { blockBackward, type BlockForward, blockForward } from "./block.ts";
import { layerNormRow, layerNormRowBackward } from "./layer_norm.ts";
import type { VanillaTensors } from "./tensors.ts";

/** The baseline's forward pass on one sequence. */
export interface VanillaForward {
  /** Embedding and positions, before any noise [n × d]. */
  readonly start: Float64Array;
  readonly noise: StateNoise;
  readonly blocks: readonly BlockForward[];
  /** Mean over the tokens of LN_out(h) [d]. */
  readonly pooled: Float64Array;
  /** [classes] */
  readonly logits: Float64Array;
}

/**
 * Embedding, blocks, final norm, mean over the tokens and head on one sequence of token ids [n] (spec §4), with `noise` on
 * the blocks' inputs.
 */
export function forwardVanilla(
  tensors: VanillaTensors,
  tokens: Int32Array,
  mask: DropoutMask,
  noise: StateNoise = NO_NOISE,
): VanillaForward {
  const { config: { dModel: d, numHeads, numClasses }, embedding } = tensors;
  const n = tokens.length;
  const start = new Float64Array(n * d);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) start[i * d + j] = embedding[tokens[i] * d + j] + positionalEncoding(i, j, d);
  }
  let h: Float64Array = start;
  const everyToken = new Uint8Array(n).fill(1);
  const blocks = tensors.blocks.map((block, layer) => {
    const forward = blockForward(block, numHeads, layer, withNoise(noise, h, everyToken, layer), mask);
    h = forward.output;
    return forward;
  });
  const normalized = new Float64Array(n * d);
  const pooled = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    layerNormRow(tensors.normOut, h, i * d, normalized);
    for (let j = 0; j < d; j++) pooled[j] += normalized[i * d + j] / n;
  }
  const logits = new Float64Array(numClasses);
  linearRow(tensors.head, pooled, 0, logits, 0);
  return { start, noise, blocks, pooled, logits };
}

/** Backward of `forwardVanilla`: adds to `gradient`, views of a slab as `tensors` are, from dLogits [classes]. */
export function backwardVanilla(
  tensors: VanillaTensors,
  gradient: VanillaTensors,
  tokens: Int32Array,
  { start, noise, blocks, pooled }: VanillaForward,
  dLogits: Float64Array,
  mask: DropoutMask,
): void {
  const { dModel: d, numHeads } = tensors.config;
  const n = tokens.length;
  const dPooled = new Float64Array(d);
  linearRowBackward(tensors.head, gradient.head, pooled, 0, dLogits, 0, dPooled, 0);
  const last = blocks[blocks.length - 1].output;
  const dNormalized = Float64Array.from({ length: n * d }, (_, e) => dPooled[e % d] / n);
  const dh = new Float64Array(n * d);
  const everyToken = new Uint8Array(n).fill(1);
  for (let i = 0; i < n; i++) layerNormRowBackward(tensors.normOut, gradient.normOut, last, i * d, dNormalized, dh);
  for (let layer = blocks.length - 1; layer >= 0; layer--) {
    blockBackward(tensors.blocks[layer], gradient.blocks[layer], numHeads, blocks[layer], mask, dh);
    withNoiseBackward(noise, layer === 0 ? start : blocks[layer - 1].output, everyToken, layer, dh);
  }
  for (let i = 0; i < n; i++) {
    if (tokens[i] === PAD) continue;
    for (let j = 0; j < d; j++) gradient.embedding[tokens[i] * d + j] += dh[i * d + j];
  }
}
