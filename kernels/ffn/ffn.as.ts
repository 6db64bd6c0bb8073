// The FFN on one tile: out = W₂ · dropout(GELU(W₁ y + b₁)) + b₂ (spec §1, with weights after their spectral norm; §4).
//
// y [d][8]; hidden [4·ffnGroups][8], rows beyond ffnDim zero; out [4·dGroups][8].
// `block` is added to the addresses of the packed weights: 0, or the place of a block where there are several.

import {
  dGroups, dModel, dropoutThreshold, ffnDim, ffnGroups, packedFfn1, packedFfn1Bias, packedFfn2, packedFfn2Bias,
  slotFfn1, slotFfn1Bias, slotFfn2, slotFfn2Bias, transposedFfn1, transposedFfn2,
} from "../header.as";
import { dropoutMask, SITE_FFN_HIDDEN } from "../simd/dropout.as";
import { geluBackward, geluForward } from "../simd/gelu.as";
import { outerAdd, rowSumsAdd, tileProduct } from "../simd/matmul.as";

/** hidden is scratch; `mask` [rows rounded up to 8][8] is scratch for dropout. */
export function ffnForward(
  out: usize, y: usize, hidden: usize, mask: usize, positions: usize, key: usize, step: i32, block: usize,
): void {
  tileProduct(hidden, y, packedFfn1() + block, packedFfn1Bias() + block, dModel(), ffnGroups());
  if (dropoutThreshold()) {
    dropoutMask(mask, positions, key, SITE_FFN_HIDDEN, step, ffnDim());
    geluForward(hidden, mask, ffnDim(), true);
  } else {
    geluForward(hidden, mask, ffnDim(), false);
  }
  tileProduct(out, hidden, packedFfn2() + block, packedFfn2Bias() + block, ffnDim(), dGroups());
}

/**
 * Per tile: hidden ← dropout(GELU(pre)), dPre ← gradient of pre, dy [4·dGroups][8] ← W₁ᵀ·dPre, from dOut. The weights'
 * gradients follow for a whole chunk in `ffnWeightGradients`.
 */
export function ffnBackward(
  dy: usize, dOut: usize, y: usize, hidden: usize, dPre: usize, mask: usize, positions: usize, key: usize, step: i32,
  block: usize,
): void {
  const rows = ffnDim();
  tileProduct(hidden, y, packedFfn1() + block, packedFfn1Bias() + block, dModel(), ffnGroups());
  tileProduct(dPre, dOut, transposedFfn2() + block, 0, dModel(), ffnGroups());
  if (dropoutThreshold()) {
    dropoutMask(mask, positions, key, SITE_FFN_HIDDEN, step, rows);
    geluBackward(hidden, dPre, mask, rows, true);
  } else {
    geluBackward(hidden, dPre, mask, rows, false);
  }
  tileProduct(dy, dPre, transposedFfn1() + block, 0, rows, dGroups());
}

/** The slot's ∂W₁, ∂b₁, ∂W₂, ∂b₂ grow by a chunk of tiles; strides are bytes from tile to tile. */
export function ffnWeightGradients(
  slot: usize, dOut: usize, dStride: usize, y: usize, yStride: usize, hidden: usize, dPre: usize, hiddenStride: usize,
  tiles: i32,
): void {
  outerAdd(slot + slotFfn2(), dOut, dStride, dGroups(), hidden, hiddenStride, ffnDim(), tiles);
  rowSumsAdd(slot + slotFfn2Bias(), dOut, dStride, dGroups(), tiles);
  outerAdd(slot + slotFfn1(), dPre, hiddenStride, ffnGroups(), y, yStride, dModel(), tiles);
  rowSumsAdd(slot + slotFfn1Bias(), dPre, hiddenStride, ffnGroups(), tiles);
}
