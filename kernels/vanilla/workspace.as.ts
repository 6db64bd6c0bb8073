// Where one thread keeps a sequence of the vanilla model: scratch of a fixed size, arrays over its tokens, and the history
// of its blocks.

import { dGroups, ffnGroups, headDim, maxLayers, numHeads, stateGain } from "../header.as";
import { openArena, take, taken, tilesOf } from "../simd/arena.as";

/** Tiles whose intermediate values stay in the first-level cache between the two halves of the backward pass. */
export const CHUNK: i32 = 4;

/** Keys and tiles of queries of one block of scores. */
export const KEY_BLOCK: i32 = 32;
export const QUERY_BLOCK: i32 = 8;

/** Bytes of one tile's state, its q, k and v, its hidden layer, and the rows that softmax keeps of it. */
export let stateStride: usize = 0;
export let projectionStride: usize = 0;
export let hiddenStride: usize = 0;
export let softmaxStride: usize = 0;
/** Bytes of one tile's scores with a block of keys. */
export const SCORE_STRIDE: usize = <usize>KEY_BLOCK << 5;

export let x: usize = 0;
export let y: usize = 0;
export let dy: usize = 0;
export let branch: usize = 0;
export let hidden: usize = 0;
export let dPre: usize = 0;
export let mask: usize = 0;
export let scores: usize = 0;
export let dScores: usize = 0;
export let dKeys: usize = 0;
export let dValues: usize = 0;
export let pooled: usize = 0;
export let dPooled: usize = 0;
export let rowSums: usize = 0;
export let blockTable: usize = 0;

/** q, k, v [tiles][3 · 4·dGroups][8], and the same for their gradients. */
export let projections: usize = 0;
export let dProjections: usize = 0;
/** k and v [H][8·tiles][dh], k times log₂e/√dh; zero beyond the sequence. Packed: [H][2·tiles][dh][4]. */
export let keys: usize = 0;
export let values: usize = 0;
export let packedKeys: usize = 0;
export let packedValues: usize = 0;
/** Positions of the tokens [8·tiles]. */
export let map: usize = 0;
/** Gradient of the heads' outputs, and of the state [tiles][4·dGroups][8]. */
export let dHeads: usize = 0;
export let dState: usize = 0;

/** Fields of a block's record, u32 words; the record behind the last block holds the last state alone. */
export const STATE: i32 = 0;
export const MIDDLE: i32 = 1;
export const HEADS: i32 = 2;
export const SOFTMAX: i32 = 3;
/** The state before its noise, where there is any. */
export const QUIET: i32 = 4;
const RECORD_WORDS: i32 = 5;

// @ts-ignore: decorator
@inline
export function field(layer: i32, index: i32): usize {
  return load<u32>(blockTable + (<usize>(layer * RECORD_WORDS + index) << 2));
}

// @ts-ignore: decorator
@inline
export function setField(layer: i32, index: i32, value: usize): void {
  store<u32>(blockTable + (<usize>(layer * RECORD_WORDS + index) << 2), <u32>value);
}

/** Bytes of one head's keys or values of a sequence. */
// @ts-ignore: decorator
@inline
export function headBytes(tiles: i32): usize {
  return <usize>(tiles * headDim()) << 5;
}

/** Lays out all that a sequence of `n` tokens needs from `base` (a multiple of 64); `saving` keeps every block's record. */
export function openStack(base: usize, n: i32, saving: bool, training: bool): void {
  const tiles = tilesOf(n);
  layOut(base, tiles, training);
  for (let layer = 0; layer <= maxLayers(); layer++) {
    const fresh = saving || layer == 0;
    setField(layer, QUIET, saving && stateGain() > 0 ? take(<usize>tiles * stateStride) : 0);
    setField(layer, STATE, fresh ? take(<usize>tiles * stateStride) : field(0, STATE));
    setField(layer, MIDDLE, saving ? take(<usize>tiles * stateStride) : field(0, STATE));
    setField(layer, HEADS, fresh ? take(<usize>tiles * stateStride) : field(0, HEADS));
    setField(layer, SOFTMAX, fresh ? take(<usize>tiles * softmaxStride) : field(0, SOFTMAX));
  }
}

/** Scratch, and arrays over the tokens of `tiles` tiles; what only training needs comes last. */
function layOut(base: usize, tiles: i32, training: bool): void {
  const heads = numHeads();
  stateStride = <usize>dGroups() << 7;
  projectionStride = 3 * stateStride;
  hiddenStride = <usize>ffnGroups() << 7;
  softmaxStride = <usize>heads * SOFTMAX_BYTES;
  openArena(base);
  x = take(CHUNK * stateStride);
  y = take(CHUNK * stateStride);
  dy = take(stateStride);
  branch = take(CHUNK * stateStride);
  hidden = take(CHUNK * hiddenStride);
  dPre = take(CHUNK * hiddenStride);
  mask = take(max(hiddenStride, stateStride) + 512);
  scores = take(QUERY_BLOCK * SCORE_STRIDE);
  dScores = take(QUERY_BLOCK * SCORE_STRIDE);
  dKeys = take(<usize>(KEY_BLOCK * headDim()) << 2);
  dValues = take(<usize>(KEY_BLOCK * headDim()) << 2);
  pooled = take(<usize>dGroups() << 4);
  dPooled = take(<usize>dGroups() << 4);
  rowSums = take(stateStride);
  blockTable = take(<usize>((maxLayers() + 1) * RECORD_WORDS) << 2);
  map = take(<usize>tiles << 5);
  projections = take(<usize>tiles * projectionStride);
  keys = take(<usize>heads * headBytes(tiles));
  values = take(<usize>heads * headBytes(tiles));
  packedKeys = take(<usize>heads * headBytes(tiles));
  packedValues = take(<usize>heads * headBytes(tiles));
  if (!training) return;
  dProjections = take(<usize>tiles * projectionStride);
  dHeads = take(<usize>tiles * stateStride);
  dState = take(<usize>tiles * stateStride);
}

/** Rows that softmax keeps of a tile and head: the largest score, 1/Σ, and on the way back Σ dout ⊙ out, over 1/Σ. */
export const SOFTMAX_BYTES: usize = 96;

/** Bytes that a thread needs for a sequence of n tokens: a double, because they may be more than 32 bits can say. */
export function stackBytes(n: i32, saving: bool): f64 {
  layOut(0, 1, saving);
  const tiles = <f64>tilesOf(n), state = <f64>stateStride;
  const training = saving ? <f64>projectionStride + 2 * state : 0;
  const arrays = 32 + <f64>projectionStride + 4 * <f64>numHeads() * <f64>headBytes(1) + training;
  const records = saving ? <f64>maxLayers() + 1 : 1;
  const states: f64 = saving && stateGain() > 0 ? 4 : 3;
  const slack: f64 = 64;
  return <f64>taken() + (tiles - 1) * arrays + records * (tiles * (states * state + <f64>softmaxStride) + 5 * slack) + 8 * slack;
}
