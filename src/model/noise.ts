import { normalQuantiles } from "./normal_quantiles.ts";
import { pcg4d, type Words } from "./random.ts";

/** What noise is added to: h⁰, or the state between two applications of the block (stability spec §1). */
export const NOISE_SITES = ["embedding", "state"] as const;
export type NoiseSite = typeof NOISE_SITES[number];

/** Noise on the states of a training step. */
export interface NoiseSettings {
  readonly site: NoiseSite;
  /** g: standard deviation of the noise, as a share of the root mean square of what it is added to. */
  readonly gain: number;
}

/** Counters that no dropout mask uses: its own lie below 2³¹. */
const COUNTERS = 0x8000;

/**
 * Noise on one sequence, as every back end computes it: x ← x + g·rms(x)·ε, rms over a token's d features.
 *
 * ε is a quantile of the normal distribution, looked up by 16 random bits. Feature r of the token at position i, before
 * step t, reads word `(r >> 1) & 3`, low half first, of `pcg4d(key0, key1, i, ((2¹⁵ + t) << 16) + (r >> 3))`, the key
 * being that of the sequence's dropout. Site `embedding` is the input of step 0, `state` that of every later one.
 */
export class StateNoise {
  readonly gain: number;
  readonly #site: NoiseSite;
  readonly #words: Words = [0, 0, 0, 0];

  constructor(readonly key: readonly [number, number], settings: NoiseSettings | undefined) {
    this.gain = settings?.gain ?? 0;
    this.#site = settings?.site ?? "embedding";
  }

  /** Whether the input of step t gets noise. */
  reaches(t: number): boolean {
    return this.gain > 0 && (t === 0) === (this.#site === "embedding");
  }

  /** Fills `epsilon` [d] for `position` (token index in its sequence) before step t. */
  fill(epsilon: Float64Array, position: number, t: number): void {
    const quantiles = normalQuantiles();
    for (let r = 0; r < epsilon.length; r++) {
      if ((r & 7) === 0) pcg4d(this.key[0], this.key[1], position, ((COUNTERS + t) << 16) + (r >> 3), this.#words);
      const word = this.#words[(r >> 1) & 3];
      epsilon[r] = quantiles[(r & 1) === 0 ? word & 0xffff : word >>> 16];
    }
  }
}

export const NO_NOISE = new StateNoise([0, 0], undefined);

/** How much noise a sequence got. */
export interface NoisePower {
  /** Σ (g·rms)² over the tokens that got noise, once for each step. */
  readonly power: number;
  /** How many those were. */
  readonly tokens: number;
}

/** Standard deviation of the noise over all tokens of a batch that got it; 0 where none did. */
export function noiseLevel(sequences: readonly NoisePower[]): number {
  const sum = (key: keyof NoisePower) => sequences.reduce((total, sequence) => total + sequence[key], 0);
  return sum("tokens") === 0 ? 0 : Math.sqrt(sum("power") / sum("tokens"));
}
