// Full softmax attention of one sequence (spec §4): out_i = Σ_j softmax_j(q_i·k_j/√dh) v_j, never a matrix of all pairs.
//
// Queries lie along the lanes of tiles; keys (times log₂e/√dh, so that e^score is a power of 2) and values of one head lie
// in natural order [8·tiles][dh] and packed [2·tiles][dh][4], zero beyond the sequence. Forward, a tile meets the keys in blocks of KEY_BLOCK and keeps a
// running maximum and sum; what it keeps of them (`softmax`, three rows a head) is what the backward pass needs to make
// the weights again, a block of scores [KEY_BLOCK][8] at a time.

import { headDim, numHeads, scoreScale } from "../header.as";
import { exp2, madd, storeExp2 } from "../simd/math.as";
import { outerAdd } from "../simd/matmul.as";
import * as ws from "./workspace.as";
import { KEY_BLOCK, QUERY_BLOCK, SCORE_STRIDE, SOFTMAX_BYTES } from "./workspace.as";

/** ln 2: the scores' base is 2. */
const LN2: f32 = 0.6931471805599453;
const LOG2E: f32 = 1.4426950408889634;

/** What becomes of four rows of products with a tile: the maximum so far, an exponential, or a score's gradient. */
const MAXIMUM: i32 = 0;
const WEIGHT: i32 = 1;
const SLOPE: i32 = 2;

/**
 * rows [count rounded up to 4][8] from the products of the tile's rows `q` [dh][8] with `packed` [count/4][dh][4]; what is
 * made of them depends on the constant `then`. MAXIMUM: the products themselves; `kept` [8] grows to their maximum over
 * the first `count`. WEIGHT: 2^(product − kept). SLOPE: weights ⊙ (product − kept).
 */
// @ts-ignore: decorator
@inline
function products(
  rows: usize, q: usize, packed: usize, count: i32, dh: i32, then: i32, kept: usize, weights: usize,
): void {
  const end = q + (<usize>dh << 5), even = q + (<usize>(dh & ~1) << 5);
  let k0 = v128.load(kept), k1 = v128.load(kept, 16);
  for (let j = 0; j < count; j += 4) {
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    let p = q;
    for (; p < even; p += 64) {
      let x0 = v128.load(p), x1 = v128.load(p, 16);
      let w = v128.load32_splat(packed);
      a0 = madd(w, x0, a0);
      a1 = madd(w, x1, a1);
      w = v128.load32_splat(packed, 4);
      b0 = madd(w, x0, b0);
      b1 = madd(w, x1, b1);
      w = v128.load32_splat(packed, 8);
      c0 = madd(w, x0, c0);
      c1 = madd(w, x1, c1);
      w = v128.load32_splat(packed, 12);
      d0 = madd(w, x0, d0);
      d1 = madd(w, x1, d1);
      x0 = v128.load(p, 32);
      x1 = v128.load(p, 48);
      w = v128.load32_splat(packed, 16);
      a0 = madd(w, x0, a0);
      a1 = madd(w, x1, a1);
      w = v128.load32_splat(packed, 20);
      b0 = madd(w, x0, b0);
      b1 = madd(w, x1, b1);
      w = v128.load32_splat(packed, 24);
      c0 = madd(w, x0, c0);
      c1 = madd(w, x1, c1);
      w = v128.load32_splat(packed, 28);
      d0 = madd(w, x0, d0);
      d1 = madd(w, x1, d1);
      packed += 32;
    }
    if (p < end) {
      const x0 = v128.load(p), x1 = v128.load(p, 16);
      let w = v128.load32_splat(packed);
      a0 = madd(w, x0, a0);
      a1 = madd(w, x1, a1);
      w = v128.load32_splat(packed, 4);
      b0 = madd(w, x0, b0);
      b1 = madd(w, x1, b1);
      w = v128.load32_splat(packed, 8);
      c0 = madd(w, x0, c0);
      c1 = madd(w, x1, c1);
      w = v128.load32_splat(packed, 12);
      d0 = madd(w, x0, d0);
      d1 = madd(w, x1, d1);
      packed += 16;
    }
    if (then == WEIGHT) {
      storeExp2(rows, f32x4.sub(a0, k0), f32x4.sub(a1, k1), f32x4.sub(b0, k0), f32x4.sub(b1, k1));
      storeExp2(rows + 64, f32x4.sub(c0, k0), f32x4.sub(c1, k1), f32x4.sub(d0, k0), f32x4.sub(d1, k1));
    } else if (then == SLOPE) {
      storeProduct(rows, weights, a0, a1, k0, k1);
      storeProduct(rows + 32, weights + 32, b0, b1, k0, k1);
      storeProduct(rows + 64, weights + 64, c0, c1, k0, k1);
      storeProduct(rows + 96, weights + 96, d0, d1, k0, k1);
      weights += 128;
    } else {
      v128.store(rows, a0);
      v128.store(rows, a1, 16);
      v128.store(rows, b0, 32);
      v128.store(rows, b1, 48);
      v128.store(rows, c0, 64);
      v128.store(rows, c1, 80);
      v128.store(rows, d0, 96);
      v128.store(rows, d1, 112);
      k0 = f32x4.pmax(k0, a0);
      k1 = f32x4.pmax(k1, a1);
      if (j + 4 <= count) {
        k0 = f32x4.pmax(f32x4.pmax(k0, b0), f32x4.pmax(c0, d0));
        k1 = f32x4.pmax(f32x4.pmax(k1, b1), f32x4.pmax(c1, d1));
      } else {
        if (j + 1 < count) {
          k0 = f32x4.pmax(k0, b0);
          k1 = f32x4.pmax(k1, b1);
        }
        if (j + 2 < count) {
          k0 = f32x4.pmax(k0, c0);
          k1 = f32x4.pmax(k1, c1);
        }
      }
    }
    rows += 128;
  }
  if (then == MAXIMUM) {
    v128.store(kept, k0);
    v128.store(kept, k1, 16);
  }
}

// @ts-ignore: decorator
@inline
function storeProduct(row: usize, weights: usize, a0: v128, a1: v128, k0: v128, k1: v128): void {
  v128.store(row, f32x4.mul(v128.load(weights), f32x4.sub(a0, k0)));
  v128.store(row, f32x4.mul(v128.load(weights, 16), f32x4.sub(a1, k1)), 16);
}

/** out [dh][8] ← out ⊙ factor + Σ_j weights[j] ⊗ matrix[j] over `count` rows; the sum of a block stands apart first. */
// @ts-ignore: decorator
@inline
function combine(
  out: usize, weights: usize, matrix: usize, count: i32, dh: i32, factor0: v128, factor1: v128,
): void {
  const bytes = <usize>dh << 2;
  let r = 0;
  for (; r + 6 <= dh; r += 6) combineRows(out + (<usize>r << 5), weights, matrix + (<usize>r << 2), bytes, count, 6, factor0, factor1);
  if (r + 4 <= dh) {
    combineRows(out + (<usize>r << 5), weights, matrix + (<usize>r << 2), bytes, count, 4, factor0, factor1);
    r += 4;
  }
  if (r + 2 <= dh) {
    combineRows(out + (<usize>r << 5), weights, matrix + (<usize>r << 2), bytes, count, 2, factor0, factor1);
    r += 2;
  }
  if (r < dh) combineRows(out + (<usize>r << 5), weights, matrix + (<usize>r << 2), bytes, count, 1, factor0, factor1);
}

/** `combine` of `rows` rows, a constant: 1, 2, 4 or 6. */
// @ts-ignore: decorator
@inline
function combineRows(
  out: usize, weights: usize, matrix: usize, bytes: usize, count: i32, rows: i32, factor0: v128, factor1: v128,
): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0, e0 = a0, e1 = a0, f0 = a0, f1 = a0;
  const end = weights + (<usize>count << 5);
  for (let p = weights; p < end; p += 32) {
    const w0 = v128.load(p), w1 = v128.load(p, 16);
    const a = v128.load32_splat(matrix);
    a0 = madd(a, w0, a0);
    a1 = madd(a, w1, a1);
    if (rows > 1) {
      const b = v128.load32_splat(matrix, 4);
      b0 = madd(b, w0, b0);
      b1 = madd(b, w1, b1);
    }
    if (rows > 2) {
      const c = v128.load32_splat(matrix, 8), d = v128.load32_splat(matrix, 12);
      c0 = madd(c, w0, c0);
      c1 = madd(c, w1, c1);
      d0 = madd(d, w0, d0);
      d1 = madd(d, w1, d1);
    }
    if (rows > 4) {
      const e = v128.load32_splat(matrix, 16), f = v128.load32_splat(matrix, 20);
      e0 = madd(e, w0, e0);
      e1 = madd(e, w1, e1);
      f0 = madd(f, w0, f0);
      f1 = madd(f, w1, f1);
    }
    matrix += bytes;
  }
  gather(out, a0, a1, factor0, factor1);
  if (rows > 1) gather(out + 32, b0, b1, factor0, factor1);
  if (rows > 2) {
    gather(out + 64, c0, c1, factor0, factor1);
    gather(out + 96, d0, d1, factor0, factor1);
  }
  if (rows > 4) {
    gather(out + 128, e0, e1, factor0, factor1);
    gather(out + 160, f0, f1, factor0, factor1);
  }
}

// @ts-ignore: decorator
@inline
function gather(row: usize, sum0: v128, sum1: v128, factor0: v128, factor1: v128): void {
  v128.store(row, madd(v128.load(row), factor0, sum0));
  v128.store(row, madd(v128.load(row, 16), factor1, sum1), 16);
}

/** One tile and head: out [dh][8] from q [dh][8]; `kept` receives the rows that the backward pass needs. */
function tileForward(out: usize, kept: usize, q: usize, keys: usize, values: usize, n: i32): void {
  const dh = headDim();
  const bytes = <usize>(KEY_BLOCK * dh) << 2;
  const s = ws.scores;
  memory.fill(out, 0, <usize>dh << 5);
  let sum0 = f32x4.splat(0), sum1 = sum0;
  v128.store(kept, f32x4.splat(-Infinity));
  v128.store(kept, f32x4.splat(-Infinity), 16);
  for (let first = 0; first < n; first += KEY_BLOCK) {
    const count = min(KEY_BLOCK, n - first);
    const end = s + (<usize>count << 5);
    const before0 = v128.load(kept), before1 = v128.load(kept, 16);
    products(s, q, keys, count, dh, MAXIMUM, kept, 0);
    const top0 = v128.load(kept), top1 = v128.load(kept, 16);
    let p = s;
    for (; p + 64 <= end; p += 64) {
      storeExp2(
        p, f32x4.sub(v128.load(p), top0), f32x4.sub(v128.load(p, 16), top1), f32x4.sub(v128.load(p, 32), top0),
        f32x4.sub(v128.load(p, 48), top1),
      );
    }
    if (p < end) {
      v128.store(p, exp2(f32x4.sub(v128.load(p), top0)));
      v128.store(p, exp2(f32x4.sub(v128.load(p, 16), top1)), 16);
    }
    let block0 = f32x4.splat(0), block1 = block0;
    for (p = s; p < end; p += 32) {
      block0 = f32x4.add(block0, v128.load(p));
      block1 = f32x4.add(block1, v128.load(p, 16));
    }
    const factor0 = exp2(f32x4.sub(before0, top0)), factor1 = exp2(f32x4.sub(before1, top1));
    sum0 = madd(sum0, factor0, block0);
    sum1 = madd(sum1, factor1, block1);
    combine(out, s, values, count, dh, factor0, factor1);
    keys += bytes;
    values += bytes;
  }
  const one = f32x4.splat(1);
  const inverse0 = f32x4.div(one, sum0), inverse1 = f32x4.div(one, sum1);
  v128.store(kept, inverse0, 32);
  v128.store(kept, inverse1, 48);
  for (let r = 0; r < dh; r++) {
    const row = out + (<usize>r << 5);
    v128.store(row, f32x4.mul(v128.load(row), inverse0));
    v128.store(row, f32x4.mul(v128.load(row, 16), inverse1), 16);
  }
}

/** out [4·dGroups][8] of one tile from its `projections`, all heads; `kept` [H] rows of softmax. */
export function attentionForward(out: usize, kept: usize, projections: usize, n: i32, tiles: i32): void {
  for (let head = 0; head < numHeads(); head++) {
    const features = <usize>(head * headDim()) << 5, shift = <usize>head * ws.headBytes(tiles);
    tileForward(
      out + features, kept + <usize>head * SOFTMAX_BYTES, projections + features, ws.packedKeys + shift,
      ws.values + shift, n,
    );
  }
}

/** dOut ← dOut/Σ and the third kept row ← Σ_r dOut ⊙ out, of one tile and all heads: what each score's gradient needs. */
export function attentionPrepareBackward(dOut: usize, kept: usize, out: usize): void {
  const size = <usize>headDim() << 5;
  for (let head = 0; head < numHeads(); head++) {
    const inverse0 = v128.load(kept, 32), inverse1 = v128.load(kept, 48);
    let dot0 = f32x4.splat(0), dot1 = dot0;
    for (let p: usize = 0; p < size; p += 32) {
      const g0 = f32x4.mul(v128.load(dOut + p), inverse0), g1 = f32x4.mul(v128.load(dOut + p, 16), inverse1);
      v128.store(dOut + p, g0);
      v128.store(dOut + p, g1, 16);
      dot0 = madd(g0, v128.load(out + p), dot0);
      dot1 = madd(g1, v128.load(out + p, 16), dot1);
    }
    v128.store(kept, dot0, 64);
    v128.store(kept, dot1, 80);
    dOut += size;
    out += size;
    kept += SOFTMAX_BYTES;
  }
}

/** Weights (without 1/Σ) and the scores' gradients of one tile with `count` keys; rows up to a multiple of 4 are zero. */
function scoresBackward(
  e: usize, ds: usize, q: usize, dOut: usize, kept: usize, packedKeys: usize, packedValues: usize, count: i32,
): void {
  const dh = headDim();
  products(e, q, packedKeys, count, dh, WEIGHT, kept, 0);
  products(ds, dOut, packedValues, count, dh, SLOPE, kept + 64, e);
  const size = <usize>count << 5, rest = (((<usize>count + 3) & ~3) << 5) - size;
  memory.fill(e + size, 0, rest);
  memory.fill(ds + size, 0, rest);
}

/**
 * All heads of a sequence: the gradients of q, k and v [tiles][3 · 4·dGroups][8], which are zero at first. `kept` and
 * `dOut` come from `attentionPrepareBackward`; saved: the projections, and keys and values made from them.
 */
export function attentionBackward(dProjections: usize, dOut: usize, kept: usize, n: i32, tiles: i32): void {
  const dh = headDim();
  const one = f32x4.splat(1);
  for (let head = 0; head < numHeads(); head++) {
    const features = <usize>(head * dh) << 5, shift = <usize>head * ws.headBytes(tiles);
    for (let first = 0; first < n; first += KEY_BLOCK) {
      const count = min(KEY_BLOCK, n - first), groups = (count + 3) >> 2;
      const from = shift + (<usize>(first * dh) << 2);
      memory.fill(ws.dKeys, 0, <usize>(KEY_BLOCK * dh) << 2);
      memory.fill(ws.dValues, 0, <usize>(KEY_BLOCK * dh) << 2);
      for (let tile = 0; tile < tiles; tile += QUERY_BLOCK) {
        const size = min(QUERY_BLOCK, tiles - tile);
        for (let i = 0; i < size; i++) {
          const place = <usize>(tile + i);
          const e = ws.scores + <usize>i * SCORE_STRIDE, ds = ws.dScores + <usize>i * SCORE_STRIDE;
          scoresBackward(
            e, ds, ws.projections + place * ws.projectionStride + features, dOut + place * ws.stateStride + features,
            kept + place * ws.softmaxStride + <usize>head * SOFTMAX_BYTES, ws.packedKeys + from,
            ws.packedValues + from, count,
          );
          combine(dProjections + place * ws.projectionStride + features, ds, ws.keys + from, count, dh, one, one);
        }
        const q = ws.projections + <usize>tile * ws.projectionStride + features;
        outerAdd(
          ws.dValues, ws.scores, SCORE_STRIDE, groups, dOut + <usize>tile * ws.stateStride + features, ws.stateStride,
          dh, size,
        );
        outerAdd(ws.dKeys, ws.dScores, SCORE_STRIDE, groups, q, ws.projectionStride, dh, size);
      }
      const target = dProjections + <usize>(first >> 3) * ws.projectionStride + features;
      keysBackward(target + ws.stateStride, ws.dKeys, min(KEY_BLOCK >> 3, tiles - (first >> 3)), scoreScale());
      keysBackward(target + 2 * ws.stateStride, ws.dValues, min(KEY_BLOCK >> 3, tiles - (first >> 3)), 1);
    }
    for (let tile = 0; tile < tiles; tile++) {
      queryBackward(dProjections + <usize>tile * ws.projectionStride + features, dh);
    }
  }
}

/** Rows [dh][8] of `tiles` tiles ← their part of a packed gradient [keys/4][dh][4], scaled. */
function keysBackward(rows: usize, packed: usize, tiles: i32, scale: f32): void {
  const dh = <usize>headDim(), factor = f32x4.splat(scale);
  for (let tile = 0; tile < tiles; tile++) {
    for (let r: usize = 0; r < dh; r++) {
      v128.store(rows + (r << 5), f32x4.mul(v128.load(packed + (r << 4)), factor));
      v128.store(rows + (r << 5), f32x4.mul(v128.load(packed + ((dh + r) << 4)), factor), 16);
    }
    rows += ws.projectionStride;
    packed += dh << 5;
  }
}

/** The keys' factor log₂e/√dh belongs into the queries' gradient as 1/√dh alone. */
function queryBackward(rows: usize, dh: i32): void {
  const factor = f32x4.splat(LN2), size = <usize>dh << 5;
  for (let p: usize = 0; p < size; p += 16) v128.store(rows + p, f32x4.mul(v128.load(rows + p), factor));
}

/** Keys and values of one tile's tokens into both of their orders; those beyond the sequence are zero. */
export function spreadKeys(projections: usize, tile: i32, lanes: i32, tiles: i32): void {
  const dh = headDim();
  const scale = scoreScale() * LOG2E;
  for (let head = 0; head < numHeads(); head++) {
    const rows = projections + ws.stateStride + (<usize>(head * dh) << 5);
    const place = <usize>head * ws.headBytes(tiles) + (<usize>(tile * dh) << 5);
    spreadRows(ws.keys + place, ws.packedKeys + place, rows, lanes, dh, scale);
    spreadRows(ws.values + place, ws.packedValues + place, rows + ws.stateStride, lanes, dh, 1);
  }
}

/** `natural` [8][dh] and `packed` [2][dh][4] ← rows [dh][8], scaled. */
function spreadRows(natural: usize, packed: usize, rows: usize, lanes: i32, dh: i32, scale: f32): void {
  for (let lane = 0; lane < 8; lane++) {
    for (let r = 0; r < dh; r++) {
      const value = lane < lanes ? load<f32>(rows + (<usize>r << 5) + (<usize>lane << 2)) * scale : 0;
      store<f32>(natural + (<usize>(lane * dh + r) << 2), value);
      store<f32>(packed + (<usize>((lane >> 2) * dh + r) << 4) + (<usize>(lane & 3) << 2), value);
    }
  }
}
