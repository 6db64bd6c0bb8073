import { Purpose, RandomStream } from "../model/random.ts";
import type { TokenizedDataset } from "./dataset.ts";
import type { PackedBatch } from "./packed_batch.ts";

/** The order in which epoch `epoch` (from 0) visits the reviews `indices`: a shuffled copy, determined by the seed. */
export function epochOrder(indices: Uint32Array, seed: number, epoch: number): Uint32Array {
  return new RandomStream(seed, Purpose.order, epoch).shuffle(indices.slice());
}

/**
 * The reviews `indices` as one batch. A review longer than `maxSeqLength` tokens is cut so that `[CLS]` stays first
 * and `[SEP]` last: its first maxSeqLength − 1 ids, then its last id (spec §1). `maxSeqLength` is at least 2.
 */
export function packBatch(
  dataset: Pick<TokenizedDataset, "tokens" | "offsets" | "labels">,
  indices: Uint32Array,
  maxSeqLength: number,
): PackedBatch {
  const { offsets: from } = dataset;
  const offsets = new Uint32Array(indices.length + 1);
  const labels = new Uint8Array(indices.length);
  indices.forEach((review, s) => {
    offsets[s + 1] = offsets[s] + Math.min(from[review + 1] - from[review], maxSeqLength);
    labels[s] = dataset.labels[review];
  });
  const tokens = new Int32Array(offsets[indices.length]);
  indices.forEach((review, s) => {
    const length = offsets[s + 1] - offsets[s];
    tokens.set(dataset.tokens.subarray(from[review], from[review] + length), offsets[s]);
    tokens[offsets[s + 1] - 1] = dataset.tokens[from[review + 1] - 1];
  });
  return { tokens, offsets, labels };
}
