import type { PackedBatch } from "../data/packed_batch.ts";
import { DropoutMask } from "../model/dropout.ts";
import type { Losses } from "./engine.ts";

/** A pass of the reference over a whole batch. */
export interface BatchResult extends Losses {
  readonly correct: number;
  readonly tokenSteps: number;
  readonly noiseLevel: number;
}

export const NO_DROPOUT = new DropoutMask([0, 0], 0);

/** The token ids of sequence `s`. */
export function sequenceTokens({ tokens, offsets }: PackedBatch, s: number): Int32Array {
  return tokens.subarray(offsets[s], offsets[s + 1]);
}

/** The first class with the largest logit. */
export function largest(logits: Float64Array): number {
  return logits.reduce((best, logit, c) => logit > logits[best] ? c : best, 0);
}
