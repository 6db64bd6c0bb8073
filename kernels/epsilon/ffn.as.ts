// The spectral FFN (spec §1) on one tile: out = W̄₂ · dropout(GELU(W̄₁ y + b₁)) + b₂.
//
// y [d][8]; hidden [4·ffnGroups][8], rows beyond ffnDim zero; out [4·dGroups][8]. W̄ comes packed, already divided by its spectral norm.

import {
  dGroups, dModel, dropoutThreshold, ffnDim, ffnGroups, packedFfn1, packedFfn1Bias, packedFfn2, packedFfn2Bias,
  slotFfn1, slotFfn1Bias, slotFfn2, slotFfn2Bias, transposedFfn1, transposedFfn2,
} from "../header.as";
import { dropoutMask, SITE_FFN_HIDDEN } from "../simd/dropout.as";
import { bell, gelu, geluSlope, normalTail } from "../simd/math.as";
import { outerAdd, rowSumsAdd, tileProduct } from "../simd/matmul.as";

/** hidden is scratch; `mask` [rows rounded up to 8][8] is scratch for dropout. */
export function ffnForward(out: usize, y: usize, hidden: usize, mask: usize, positions: usize, key: usize, step: i32): void {
  tileProduct(hidden, y, packedFfn1(), packedFfn1Bias(), dModel(), ffnGroups());
  if (dropoutThreshold()) {
    dropoutMask(mask, positions, key, SITE_FFN_HIDDEN, step, ffnDim());
    hiddenForward(hidden, mask, true);
  } else {
    hiddenForward(hidden, mask, false);
  }
  tileProduct(out, hidden, packedFfn2(), packedFfn2Bias(), ffnDim(), dGroups());
}

/**
 * Per tile: hidden ← dropout(GELU(pre)), dPre ← gradient of pre, dy [4·dGroups][8] ← W̄₁ᵀ·dPre, from dOut. The weights'
 * gradients follow for a whole chunk in `ffnWeightGradients`.
 */
export function ffnBackward(
  dy: usize, dOut: usize, y: usize, hidden: usize, dPre: usize, mask: usize, positions: usize, key: usize, step: i32,
): void {
  const rows = ffnDim();
  tileProduct(hidden, y, packedFfn1(), packedFfn1Bias(), dModel(), ffnGroups());
  tileProduct(dPre, dOut, transposedFfn2(), 0, dModel(), ffnGroups());
  if (dropoutThreshold()) {
    dropoutMask(mask, positions, key, SITE_FFN_HIDDEN, step, rows);
    hiddenBackward(hidden, dPre, mask, true);
  } else {
    hiddenBackward(hidden, dPre, mask, false);
  }
  tileProduct(dy, dPre, transposedFfn1(), 0, rows, dGroups());
}

/** hidden ← mask ⊙ GELU(hidden). */
// @ts-ignore: decorator
@inline
function hiddenForward(hidden: usize, mask: usize, dropping: bool): void {
  const size = <usize>ffnDim() << 5;
  for (let p: usize = 0; p < size; p += 32) {
    const x0 = v128.load(hidden + p), x1 = v128.load(hidden + p, 16);
    let g0 = gelu(x0, normalTail(x0, bell(x0))), g1 = gelu(x1, normalTail(x1, bell(x1)));
    if (dropping) {
      g0 = f32x4.mul(g0, v128.load(mask + p));
      g1 = f32x4.mul(g1, v128.load(mask + p, 16));
    }
    v128.store(hidden + p, g0);
    v128.store(hidden + p, g1, 16);
  }
}

/** dPre ← mask ⊙ GELU′(hidden) ⊙ dPre, then hidden ← mask ⊙ GELU(hidden). */
// @ts-ignore: decorator
@inline
function hiddenBackward(hidden: usize, dPre: usize, mask: usize, dropping: bool): void {
  const size = <usize>ffnDim() << 5;
  for (let p: usize = 0; p < size; p += 32) {
    const x0 = v128.load(hidden + p), x1 = v128.load(hidden + p, 16);
    const density0 = bell(x0), density1 = bell(x1);
    const tail0 = normalTail(x0, density0), tail1 = normalTail(x1, density1);
    let g0 = gelu(x0, tail0), g1 = gelu(x1, tail1);
    let d0 = f32x4.mul(geluSlope(x0, tail0, density0), v128.load(dPre + p));
    let d1 = f32x4.mul(geluSlope(x1, tail1, density1), v128.load(dPre + p, 16));
    if (dropping) {
      const m0 = v128.load(mask + p), m1 = v128.load(mask + p, 16);
      g0 = f32x4.mul(g0, m0);
      g1 = f32x4.mul(g1, m1);
      d0 = f32x4.mul(d0, m0);
      d1 = f32x4.mul(d1, m1);
    }
    v128.store(hidden + p, g0);
    v128.store(hidden + p, g1, 16);
    v128.store(dPre + p, d0);
    v128.store(dPre + p, d1, 16);
  }
}

/** The slot's ∂W̄₁, ∂b₁, ∂W̄₂, ∂b₂ grow by a chunk of tiles; strides are bytes from tile to tile. */
export function ffnWeightGradients(
  slot: usize, dOut: usize, dStride: usize, y: usize, yStride: usize, hidden: usize, dPre: usize, hiddenStride: usize,
  tiles: i32,
): void {
  outerAdd(slot + slotFfn2(), dOut, dStride, dGroups(), hidden, hiddenStride, ffnDim(), tiles);
  rowSumsAdd(slot + slotFfn2Bias(), dOut, dStride, dGroups(), tiles);
  outerAdd(slot + slotFfn1(), dPre, hiddenStride, ffnGroups(), y, yStride, dModel(), tiles);
  rowSumsAdd(slot + slotFfn1Bias(), dPre, hiddenStride, ffnGroups(), tiles);
}
