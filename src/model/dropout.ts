import { pcg4d, Purpose, type Words } from "./random.ts";

/**
 * Which values dropout drops, as every back end computes it.
 *
 * A decision takes 16 random bits: a value is dropped when they are below `round(p · 65536)`, and kept values are
 * scaled by `1 / (1 − threshold / 65536)`, so that the mean is exact for the probability that is really used.
 * Row r of a site at position i of a sequence and recurrence step t reads word `(r >> 1) & 3`, low half first, of
 * `pcg4d(key0, key1, i, ((t · SITES + site) << 16) + (r >> 3))`.
 */
export const DropoutSite = {
  embedding: 0,
  attentionWeights: 1,
  attentionOutput: 2,
  ffnHidden: 3,
  ffnOutput: 4,
} as const;
export type DropoutSite = typeof DropoutSite[keyof typeof DropoutSite];

const SITES = 5;

/** The key of one sequence's dropout: a function of the run's seed, the optimizer step and the place in the batch. */
export function dropoutKey(seed: number, step: number, sequence: number): readonly [number, number] {
  const [a, b] = pcg4d(seed >>> 0, (Math.floor(seed / 2 ** 32) ^ (Purpose.dropout << 24)) >>> 0, step, sequence);
  return [a, b];
}

/** The 16-bit threshold below which a value is dropped. */
export function dropoutThreshold(probability: number): number {
  return Math.round(probability * 65536);
}

/** Factors of one site: 0 for a dropped value, else 1 / (share kept). */
export class DropoutMask {
  readonly #threshold: number;
  readonly #scale: number;
  readonly #words: Words = [0, 0, 0, 0];

  constructor(readonly key: readonly [number, number], probability: number) {
    this.#threshold = dropoutThreshold(probability);
    this.#scale = 1 / (1 - this.#threshold / 65536);
  }

  /** Fills `factors[0 … rows)` for `position` (token index in its sequence) and recurrence step `t` (from 0). */
  fill(factors: Float64Array, rows: number, site: DropoutSite, position: number, t: number): void {
    if (this.#threshold === 0) {
      factors.fill(1, 0, rows);
      return;
    }
    for (let r = 0; r < rows; r++) {
      if ((r & 7) === 0) {
        pcg4d(this.key[0], this.key[1], position, ((t * SITES + site) << 16) + (r >> 3), this.#words);
      }
      const word = this.#words[(r >> 1) & 3];
      const bits = (r & 1) === 0 ? word & 0xffff : word >>> 16;
      factors[r] = bits < this.#threshold ? 0 : this.#scale;
    }
  }
}
