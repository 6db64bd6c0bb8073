// Noise on the states of a training step (stability spec §1): x ← x + g·rms(x)·ε, rms over a token's d features.
//
// x, dx [4·dGroups][8], one tile; ε [d rounded up to 8][8]: quantiles of the normal distribution, looked up by 16 random bits
// each, the same numbers as src/model/noise.ts. `positions` [8] are the tokens' places in their sequence, `key` its two words.

import { dModel, normalQuantiles } from "../header.as";
import { fold, INCREMENT, MULTIPLIER, scramble } from "../simd/dropout.as";
import { madd, sumOfLanes } from "../simd/math.as";

/** Counters that no dropout mask uses. */
const COUNTERS: i32 = 0x8000;

/** Mean squares below this count as it on the way back, so that a state of zeros has a gradient. */
const LEAST_SQUARE: f32 = 1e-30;

/** Σ (g·rms)² over the tokens of the present sequence that got noise, once for each step, and how many those were. */
export let power: f64 = 0;
export let noisyTokens: i32 = 0;

/** Starts anew for a sequence. */
export function openNoise(): void {
  power = 0;
  noisyTokens = 0;
}

/** The input of step t: noise for the tile's tokens, of which the first `lanes` count. */
export function noiseForward(x: usize, epsilon: usize, positions: usize, key: usize, t: i32, gain: f32, lanes: i32): void {
  drawNoise(epsilon, positions, key, t);
  power += <f64>addNoise(x, epsilon, gain, lanes) + <f64>addNoise(x + 16, epsilon + 16, gain, lanes - 4);
  noisyTokens += lanes;
}

/** Four tokens' noise; returns Σ (g·rms)² of the first `lanes`. */
// @ts-ignore: decorator
@inline
function addNoise(x: usize, epsilon: usize, gain: f32, lanes: i32): f32 {
  const bytes = <usize>dModel() << 5;
  let square = f32x4.splat(0);
  for (let p: usize = 0; p < bytes; p += 32) square = madd(v128.load(x + p), v128.load(x + p), square);
  square = f32x4.mul(square, f32x4.splat(gain * gain / <f32>dModel()));
  const deviation = f32x4.sqrt(square);
  for (let p: usize = 0; p < bytes; p += 32) {
    v128.store(x + p, madd(deviation, v128.load(epsilon + p), v128.load(x + p)));
  }
  return sumOfLanes(v128.and(square, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(lanes))));
}

/**
 * dx ← dx + g·(dx·ε)·x / (d·rms(x)), `x` being the tile before its noise: for the lanes whose word of `noisy` [8] is all
 * ones, or for every one where that is 0.
 */
export function noiseBackward(
  dx: usize, x: usize, epsilon: usize, noisy: usize, positions: usize, key: usize, t: i32, gain: f32,
): void {
  drawNoise(epsilon, positions, key, t);
  const all = i32x4.splat(-1);
  addSlope(dx, x, epsilon, noisy ? v128.load(noisy) : all, gain);
  addSlope(dx + 16, x + 16, epsilon + 16, noisy ? v128.load(noisy, 16) : all, gain);
}

// @ts-ignore: decorator
@inline
function addSlope(dx: usize, x: usize, epsilon: usize, noisy: v128, gain: f32): void {
  const bytes = <usize>dModel() << 5;
  const share = f32x4.splat(1 / <f32>dModel());
  let square = f32x4.splat(0), slope = square;
  for (let p: usize = 0; p < bytes; p += 32) {
    square = madd(v128.load(x + p), v128.load(x + p), square);
    slope = madd(v128.load(dx + p), v128.load(epsilon + p), slope);
  }
  const rms = f32x4.sqrt(f32x4.pmax(f32x4.mul(square, share), f32x4.splat(LEAST_SQUARE)));
  slope = f32x4.div(f32x4.mul(slope, f32x4.mul(share, f32x4.splat(gain))), rms);
  slope = v128.and(slope, noisy);
  for (let p: usize = 0; p < bytes; p += 32) v128.store(dx + p, madd(slope, v128.load(x + p), v128.load(dx + p)));
}

/** ε of one tile before step t. */
export function drawNoise(epsilon: usize, positions: usize, key: usize, t: i32): void {
  const groups = (dModel() + 7) >> 3;
  for (let g = 0; g < groups; g++) {
    drawGroup(epsilon, positions, key, ((COUNTERS + t) << 16) + g);
    drawGroup(epsilon + 16, positions + 16, key, ((COUNTERS + t) << 16) + g);
    epsilon += 256;
  }
}

/** Eight rows of ε for four tokens: pcg4d, then a look-up for each half of a word. */
function drawGroup(rows: usize, positions: usize, key: usize, counter: i32): void {
  let x = scramble(v128.load32_splat(key)), y = scramble(v128.load32_splat(key, 4));
  let z = scramble(v128.load(positions)), w = i32x4.splat(counter * MULTIPLIER + INCREMENT);
  for (let round = 0; round < 2; round++) {
    x = i32x4.add(x, i32x4.mul(y, w));
    y = i32x4.add(y, i32x4.mul(z, x));
    z = i32x4.add(z, i32x4.mul(x, y));
    w = i32x4.add(w, i32x4.mul(y, z));
    if (round) break;
    x = fold(x);
    y = fold(y);
    z = fold(z);
    w = fold(w);
  }
  v128.store(rows, x);
  v128.store(rows, y, 64);
  v128.store(rows, z, 128);
  v128.store(rows, w, 192);
  for (let pair = rows; pair < rows + 256; pair += 64) {
    for (let p = pair; p < pair + 16; p += 4) {
      const word = load<u32>(p);
      store<f32>(p, quantile(word & 0xffff));
      store<f32>(p, quantile(word >>> 16), 32);
    }
  }
}

// @ts-ignore: decorator
@inline
function quantile(bits: u32): f32 {
  return load<f32>(normalQuantiles() + (<usize>bits << 2));
}
