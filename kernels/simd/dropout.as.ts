// Dropout masks of one tile: the same bits as src/model/dropout.ts, four tokens at a time.

import { dropoutScale, dropoutThreshold } from "../header.as";

export const MULTIPLIER: i32 = 1664525;
export const INCREMENT: i32 = 1013904223;
const SITES: i32 = 5;

export const SITE_EMBEDDING: i32 = 0;
export const SITE_ATTENTION_WEIGHTS: i32 = 1;
export const SITE_ATTENTION_OUTPUT: i32 = 2;
export const SITE_FFN_HIDDEN: i32 = 3;
export const SITE_FFN_OUTPUT: i32 = 4;

// @ts-ignore: decorator
@inline
export function scramble(x: v128): v128 {
  return i32x4.add(i32x4.mul(x, i32x4.splat(MULTIPLIER)), i32x4.splat(INCREMENT));
}

// @ts-ignore: decorator
@inline
export function fold(x: v128): v128 {
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/** Two rows of factors from 32 random bits: the low half decides the first row, the high half the second. */
// @ts-ignore: decorator
@inline
function storePair(rows: usize, word: v128, threshold: v128, scale: v128): void {
  const low = v128.and(word, i32x4.splat(0xffff));
  const high = i32x4.shr_u(word, 16);
  v128.store(rows, v128.and(scale, i32x4.ge_s(low, threshold)));
  v128.store(rows, v128.and(scale, i32x4.ge_s(high, threshold)), 32);
}

/**
 * factors [count rounded up to 8][8] ← 0 for a dropped value, else 1 / (share kept).
 * `positions` [8] are the tokens' places in their sequence; `key` are the sequence's two words.
 */
export function dropoutMask(
  factors: usize, positions: usize, key: usize, site: i32, step: i32, count: i32,
): void {
  const threshold = i32x4.splat(dropoutThreshold());
  const scale = f32x4.splat(dropoutScale());
  const key0 = scramble(v128.load32_splat(key));
  const key1 = scramble(v128.load32_splat(key, 4));
  const place0 = scramble(v128.load(positions)), place1 = scramble(v128.load(positions, 16));
  const base = (step * SITES + site) << 16;
  const groups = (count + 7) >> 3;
  for (let g = 0; g < groups; g++) {
    const counter = i32x4.splat((base + g) * MULTIPLIER + INCREMENT);
    // The first line of pcg4d does not depend on the token.
    const first = i32x4.add(key0, i32x4.mul(key1, counter));
    storeGroup(factors, first, key1, place0, counter, threshold, scale);
    storeGroup(factors + 16, first, key1, place1, counter, threshold, scale);
    factors += 256;
  }
}

/** Eight rows of factors for four tokens: pcg4d from its second line on. */
// @ts-ignore: decorator
@inline
function storeGroup(factors: usize, x: v128, y: v128, z: v128, w: v128, threshold: v128, scale: v128): void {
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = fold(x);
  y = fold(y);
  z = fold(z);
  w = fold(w);
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  storePair(factors, x, threshold, scale);
  storePair(factors + 64, y, threshold, scale);
  storePair(factors + 128, z, threshold, scale);
  storePair(factors + 192, w, threshold, scale);
}

/** rows [count][8] ← rows ⊙ factors. */
export function applyMask(rows: usize, factors: usize, count: i32): void {
  const end = rows + (<usize>count << 5);
  for (; rows < end; rows += 32, factors += 32) {
    v128.store(rows, f32x4.mul(v128.load(rows), v128.load(factors)));
    v128.store(rows, f32x4.mul(v128.load(rows, 16), v128.load(factors, 16)), 16);
  }
}
