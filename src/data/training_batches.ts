import { epochOrder } from "./batches.ts";
import type { PackedBatch } from "./packed_batch.ts";
import type { DistributionShift, ReviewSource } from "./shift.ts";

/** What the batches of a run follow from. */
export interface TrainingBatchesOptions {
  readonly source: ReviewSource;
  readonly seed: number;
  readonly batchSize: number;
  readonly maxSeqLength: number;
  readonly shift?: DistributionShift;
}

/** A batch's place in a run, all counted from 0. */
export interface BatchPlace {
  /** Optimizer steps before it. */
  readonly step: number;
  readonly epoch: number;
  /** Batches of the epoch before it. */
  readonly batch: number;
}

/**
 * The training batches of a run, each a function of its place alone: an epoch visits every review once in an order of
 * its own. From the shift on they are those of the other source at the same places; where that has fewer reviews, an
 * epoch visits them again.
 */
export class TrainingBatches {
  readonly #options: TrainingBatchesOptions;
  #order: { readonly source: ReviewSource; readonly epoch: number; readonly reviews: Uint32Array } | undefined;

  constructor(options: TrainingBatchesOptions) {
    this.#options = options;
  }

  at({ step, epoch, batch }: BatchPlace): PackedBatch {
    const { source, shift, batchSize, maxSeqLength } = this.#options;
    const shown = shift === undefined || step < shift.step ? source : shift.after;
    const order = this.#orderOf(shown, epoch);
    const start = batch * batchSize;
    const count = Math.min(batchSize, source.split.train.length - start);
    return shown.pack(Uint32Array.from({ length: count }, (_, i) => order[(start + i) % order.length]), maxSeqLength);
  }

  #orderOf(source: ReviewSource, epoch: number): Uint32Array {
    if (this.#order?.source !== source || this.#order.epoch !== epoch) {
      this.#order = { source, epoch, reviews: epochOrder(source.split.train, this.#options.seed, epoch) };
    }
    return this.#order.reviews;
  }
}
