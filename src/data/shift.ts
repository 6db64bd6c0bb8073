import { UsageError } from "../errors.ts";
import { packBatch } from "./batches.ts";
import type { DatasetSplit, TokenizedDataset } from "./dataset.ts";
import type { PackedBatch } from "./packed_batch.ts";

/** How the reviews may change in mid-training (stability spec §2, "Provocation"). */
export const SHIFTS = ["reverse", "swap-labels", "short", "domain"] as const;
export type Shift = typeof SHIFTS[number];

/** Reviews as a model is shown them. */
export interface ReviewSource {
  /** Review numbers that `pack` takes. */
  readonly split: DatasetSplit;
  /** The reviews `indices` as one batch, each cut to `maxSeqLength` tokens. */
  readonly pack: (indices: Uint32Array, maxSeqLength: number) => PackedBatch;
}

/** From optimizer step `step` on, counted from 0, training sees another source. */
export interface DistributionShift {
  readonly step: number;
  readonly after: ReviewSource;
}

/** The reviews as they are. */
export function plainSource(dataset: TokenizedDataset, split: DatasetSplit): ReviewSource {
  return { split, pack: (indices, maxSeqLength) => packBatch(dataset, indices, maxSeqLength) };
}

/** The same reviews, the tokens of each between `[CLS]` and `[SEP]` in reversed order once it is cut. */
export function reversedSource({ split, pack }: ReviewSource): ReviewSource {
  return {
    split,
    pack: (indices, maxSeqLength) => {
      const batch = pack(indices, maxSeqLength);
      for (let s = 0; s < indices.length; s++) {
        batch.tokens.subarray(batch.offsets[s] + 1, Math.max(batch.offsets[s] + 1, batch.offsets[s + 1] - 1)).reverse();
      }
      return batch;
    },
  };
}

/** The same reviews, negative ones labelled positive and the reverse. */
export function swappedSource({ split, pack }: ReviewSource): ReviewSource {
  return {
    split,
    pack: (indices, maxSeqLength) => {
      const batch = pack(indices, maxSeqLength);
      return { ...batch, labels: batch.labels.map((label) => 1 - label) };
    },
  };
}

/** The same reviews, each cut to `length` tokens, at least 2. */
export function shortSource({ split, pack }: ReviewSource, length: number): ReviewSource {
  return { split, pack: (indices, maxSeqLength) => pack(indices, Math.min(maxSeqLength, length)) };
}

/** Throws UsageError unless a run of `totalSteps` optimizer steps has some before and some after a shift at `step`. */
export function requireShiftWithin(step: number, totalSteps: number): void {
  if (step >= 1 && step < totalSteps) return;
  throw new UsageError(
    `Cannot shift the distribution at step ${step}: the run has ${totalSteps} optimizer steps`,
    totalSteps < 2 ? "Give more batches or --epochs." : `Give --shift-at from 1 to ${totalSteps - 1}.`,
  );
}
