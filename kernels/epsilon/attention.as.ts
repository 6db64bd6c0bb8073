// HQSA's attention over bins (spec §1) on one tile: w = softmax(q·K/√dh), out = W_o · concat(Σ_b dropout(w)_b V_b) + b_o.
//
// q [4·dGroups][8]; w [H·4·binGroups][8], saved before dropout; att [4·dGroups + 4][8]: a head's rows are rounded up to
// four, so a head's last rows fall on the next head's first, which is written afterwards.

import {
  binGroups, dGroups, dModel, dropoutThreshold, headDim, headGroups, numBins, numHeads, packedOutput, packedOutputBias,
  packedQuery, packedQueryBias, slotOutput, slotOutputBias, slotQuery, slotQueryBias, transposedOutput, transposedQuery,
} from "../header.as";
import { dropoutMask, SITE_ATTENTION_WEIGHTS } from "../simd/dropout.as";
import { outerAdd, rowSumsAdd, tileProduct, tileProductAdd } from "../simd/matmul.as";
import {
  assignmentHeadBytes, binKeys, binKeysTransposed, binValues, binValuesTransposed, headOfBins, packedHeadBytes,
} from "./bins.as";
import { softmaxBackward, softmaxForward } from "./softmax.as";

/** out [4·dGroups][8]; `dropped` [as w] and `mask` are scratch for dropout. */
export function attentionForward(
  out: usize, att: usize, w: usize, q: usize, x: usize, bins: usize, dropped: usize, mask: usize, positions: usize,
  key: usize, step: i32,
): void {
  const dh = headDim(), count = numBins();
  tileProduct(q, x, packedQuery(), packedQueryBias(), dModel(), dGroups());
  const dropping = dropoutThreshold() != 0;
  if (dropping) dropoutMask(mask, positions, key, SITE_ATTENTION_WEIGHTS, step, numHeads() * count);
  for (let head = 0; head < numHeads(); head++) {
    const headBins = headOfBins(bins, head);
    const features = <usize>(head * dh) << 5;
    let rows = w + <usize>head * assignmentHeadBytes();
    tileProduct(rows, q + features, binKeys(headBins), 0, dh, binGroups());
    softmaxForward(rows, count);
    if (dropping) {
      multiply(dropped, rows, mask + (<usize>(head * count) << 5), 4 * binGroups());
      rows = dropped;
    }
    tileProduct(att + features, rows, binValuesTransposed(headBins), 0, count, headGroups());
  }
  tileProduct(out, att, packedOutput(), packedOutputBias(), dModel(), dGroups());
}

// @ts-ignore: decorator
@inline
function multiply(target: usize, a: usize, b: usize, rows: i32): void {
  const size = <usize>rows << 5;
  for (let p: usize = 0; p < size; p += 16) {
    v128.store(target + p, f32x4.mul(v128.load(a + p), v128.load(b + p)));
  }
}

/**
 * Backward of one tile from dOut: dAtt, dropped (w after dropout), ds (of the scores), q again, dq, and dx ← W_qᵀ·dq.
 * Saved: w, and x, which the caller makes again.
 */
export function attentionBackward(
  dx: usize, dq: usize, ds: usize, dAtt: usize, dropped: usize, q: usize, dOut: usize, w: usize, x: usize, bins: usize,
  mask: usize, positions: usize, key: usize, step: i32,
): void {
  const dh = headDim(), count = numBins();
  tileProduct(dAtt, dOut, transposedOutput(), 0, dModel(), dGroups());
  tileProduct(q, x, packedQuery(), packedQueryBias(), dModel(), dGroups());
  const dropping = dropoutThreshold() != 0;
  if (dropping) dropoutMask(mask, positions, key, SITE_ATTENTION_WEIGHTS, step, numHeads() * count);
  for (let head = 0; head < numHeads(); head++) {
    const headBins = headOfBins(bins, head);
    const features = <usize>(head * dh) << 5, shift = <usize>head * assignmentHeadBytes();
    const rows = w + shift, dRows = ds + shift;
    tileProduct(dRows, dAtt + features, binValues(headBins), 0, dh, binGroups());
    if (dropping) {
      const factors = mask + (<usize>(head * count) << 5);
      multiply(dropped + shift, rows, factors, 4 * binGroups());
      multiply(dRows, dRows, factors, count);
    }
    softmaxBackward(dRows, rows, count);
    tileProduct(dq + features, dRows, binKeysTransposed(headBins), 0, count, headGroups());
  }
  tileProduct(dx, dq, transposedQuery(), 0, dModel(), dGroups());
}

/**
 * dBins ([H] keys then values, each [binGroups][dh][4]) and the slot's ∂W_o, ∂W_q and biases grow by a chunk of tiles.
 * `dropped` has the stride of `ds`.
 */
export function attentionWeightGradients(
  slot: usize, dBins: usize, dOut: usize, dAtt: usize, att: usize, attStride: usize, dOutStride: usize, ds: usize,
  dropped: usize, dsStride: usize, q: usize, dq: usize, dqStride: usize, x: usize, xStride: usize, tiles: i32,
): void {
  outerAdd(slot + slotOutput(), dOut, dOutStride, dGroups(), att, attStride, dModel(), tiles);
  rowSumsAdd(slot + slotOutputBias(), dOut, dOutStride, dGroups(), tiles);
  for (let head = 0; head < numHeads(); head++) {
    const features = <usize>(head * headDim()) << 5, shift = <usize>head * assignmentHeadBytes();
    outerAdd(dBins, ds + shift, dsStride, binGroups(), q + features, dOutStride, headDim(), tiles);
    dBins += packedHeadBytes();
    outerAdd(dBins, dropped + shift, dsStride, binGroups(), dAtt + features, dOutStride, headDim(), tiles);
    dBins += packedHeadBytes();
  }
  outerAdd(slot + slotQuery(), dq, dqStride, dGroups(), x, xStride, dModel(), tiles);
  rowSumsAdd(slot + slotQueryBias(), dq, dqStride, dGroups(), tiles);
}
