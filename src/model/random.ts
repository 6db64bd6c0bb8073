import { cos, log } from "./elementary.ts";

/**
 * Counter-based random numbers, the same bits in TypeScript, WASM and WGSL: `pcg4d` of Jarzynski and Olano,
 * "Hash Functions for GPU Rendering" (JCGT 2020). No state: a value is a function of its counters.
 */
export type Words = [number, number, number, number];

const MULTIPLIER = 1664525;
const INCREMENT = 1013904223;

/** Four unsigned 32-bit words from four; `out` is overwritten and returned. */
export function pcg4d(x: number, y: number, z: number, w: number, out: Words = [0, 0, 0, 0]): Words {
  x = (Math.imul(x, MULTIPLIER) + INCREMENT) | 0;
  y = (Math.imul(y, MULTIPLIER) + INCREMENT) | 0;
  z = (Math.imul(z, MULTIPLIER) + INCREMENT) | 0;
  w = (Math.imul(w, MULTIPLIER) + INCREMENT) | 0;
  x = (x + Math.imul(y, w)) | 0;
  y = (y + Math.imul(z, x)) | 0;
  z = (z + Math.imul(x, y)) | 0;
  w = (w + Math.imul(y, z)) | 0;
  x ^= x >>> 16;
  y ^= y >>> 16;
  z ^= z >>> 16;
  w ^= w >>> 16;
  x = (x + Math.imul(y, w)) | 0;
  y = (y + Math.imul(z, x)) | 0;
  z = (z + Math.imul(x, y)) | 0;
  w = (w + Math.imul(y, z)) | 0;
  out[0] = x >>> 0;
  out[1] = y >>> 0;
  out[2] = z >>> 0;
  out[3] = w >>> 0;
  return out;
}

/** What a stream of random numbers is for; keeps streams of one seed apart. */
export const Purpose = {
  weights: 1,
  split: 2,
  order: 3,
  dropout: 4,
  diagnosis: 5,
  gradient: 6,
  suppression: 7,
  resonance: 8,
} as const;
export type Purpose = typeof Purpose[keyof typeof Purpose];

/** A sequence of random numbers determined by (seed, purpose, index): the same on every machine and back end. */
export class RandomStream {
  #counter = 0;
  readonly #key: Words;
  readonly #words: Words = [0, 0, 0, 0];

  /** `seed` is a whole number from 0 to 2^53 − 1; `index` tells streams of one purpose apart (an epoch, a tensor). */
  constructor(seed: number, purpose: Purpose, index = 0) {
    this.#key = pcg4d(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, purpose, index >>> 0);
  }

  /** Uniform unsigned 32-bit integer. */
  word(): number {
    const place = this.#counter & 3;
    if (place === 0) pcg4d(this.#key[0], this.#key[1], this.#key[2], this.#counter >>> 2, this.#words);
    this.#counter++;
    return this.#words[place];
  }

  /** Uniform double in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Standard normal double (Box–Muller, one of the pair). */
  normal(): number {
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    return radius * cos(2 * Math.PI * this.uniform());
  }

  /** Uniform integer in [0, bound); throws RangeError unless 0 < bound ≤ 2^32. */
  below(bound: number): number {
    if (!(bound > 0 && bound <= 2 ** 32)) throw new RangeError(`bound ${bound}`);
    return Math.floor(this.uniform() * bound);
  }

  /** Shuffles `items` in place (Fisher–Yates) and returns them. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }
}
