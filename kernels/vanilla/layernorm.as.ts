// LayerNorm (spec §4): x = γ ⊙ (h − mean(h)) / √(var(h) + 1e-5) + β, on one tile.
//
// h, x [4·dGroups][8]; gamma, beta [4·dGroups]. Lanes of gradients beyond the tile's tokens are zero.

import { dGroups, dModel } from "../header.as";
import { madd, sumLanes } from "../simd/math.as";

/** Mean over the features of the four tokens whose first row starts at `h`. */
// @ts-ignore: decorator
@inline
function featureMean(h: usize, d: i32): v128 {
  let sum = v128.load(h);
  const end = h + (<usize>d << 5);
  for (let p = h + 32; p < end; p += 32) sum = f32x4.add(sum, v128.load(p));
  return f32x4.mul(sum, f32x4.splat(1 / <f32>d));
}

/** 1/√(variance + ε) of the same tokens. */
// @ts-ignore: decorator
@inline
function inverseDeviation(h: usize, d: i32, mean: v128): v128 {
  let sum = f32x4.splat(0);
  const end = h + (<usize>d << 5);
  for (let p = h; p < end; p += 32) {
    const centred = f32x4.sub(v128.load(p), mean);
    sum = madd(centred, centred, sum);
  }
  const variance = f32x4.mul(sum, f32x4.splat(1 / <f32>d));
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(1e-5))));
}

export function layerNormForward(x: usize, h: usize, gamma: usize, beta: usize): void {
  const d = dModel();
  for (let half: usize = 0; half < 32; half += 16) {
    const mean = featureMean(h + half, d);
    const inverse = inverseDeviation(h + half, d, mean);
    for (let r: usize = 0; r < <usize>d; r++) {
      const normalized = f32x4.mul(f32x4.sub(v128.load(h + half + (r << 5)), mean), inverse);
      v128.store(
        x + half + (r << 5),
        madd(normalized, v128.load32_splat(gamma + (r << 2)), v128.load32_splat(beta + (r << 2))),
      );
    }
  }
}

/** dh ← dh + ∂x/∂hᵀ·dx; dGamma, dBeta [4·dGroups] grow by this tile's share. Saved: h. */
export function layerNormBackward(dh: usize, dx: usize, h: usize, gamma: usize, dGamma: usize, dBeta: usize): void {
  const d = dModel();
  const mean0 = featureMean(h, d), mean1 = featureMean(h + 16, d);
  const inverse0 = inverseDeviation(h, d, mean0), inverse1 = inverseDeviation(h + 16, d, mean1);
  featureBackward(dh, dx, h, gamma, d, mean0, inverse0);
  featureBackward(dh + 16, dx + 16, h + 16, gamma, d, mean1, inverse1);
  for (let group = 0; group < dGroups(); group++) {
    v128.store(dBeta, f32x4.add(v128.load(dBeta), sumLanes(
      f32x4.add(v128.load(dx), v128.load(dx, 16)),
      f32x4.add(v128.load(dx, 32), v128.load(dx, 48)),
      f32x4.add(v128.load(dx, 64), v128.load(dx, 80)),
      f32x4.add(v128.load(dx, 96), v128.load(dx, 112)),
    )));
    v128.store(dGamma, f32x4.add(v128.load(dGamma), sumLanes(
      scaleGradient(dx, h, mean0, mean1, inverse0, inverse1),
      scaleGradient(dx + 32, h + 32, mean0, mean1, inverse0, inverse1),
      scaleGradient(dx + 64, h + 64, mean0, mean1, inverse0, inverse1),
      scaleGradient(dx + 96, h + 96, mean0, mean1, inverse0, inverse1),
    )));
    dGamma += 16;
    dBeta += 16;
    dx += 128;
    h += 128;
  }
}

/** dh of four tokens: (s − mean(s) − n·mean(s·n)) / deviation, where s = γ ⊙ dx and n is the normalized row. */
// @ts-ignore: decorator
@inline
function featureBackward(dh: usize, dx: usize, h: usize, gamma: usize, d: i32, mean: v128, inverse: v128): void {
  let sum = f32x4.splat(0), product = sum;
  for (let r: usize = 0; r < <usize>d; r++) {
    const slope = f32x4.mul(v128.load32_splat(gamma + (r << 2)), v128.load(dx + (r << 5)));
    sum = f32x4.add(sum, slope);
    product = madd(slope, f32x4.sub(v128.load(h + (r << 5)), mean), product);
  }
  const share = f32x4.splat(1 / <f32>d);
  sum = f32x4.mul(sum, share);
  product = f32x4.mul(f32x4.mul(product, f32x4.mul(inverse, inverse)), share);
  for (let r: usize = 0; r < <usize>d; r++) {
    const slope = f32x4.mul(v128.load32_splat(gamma + (r << 2)), v128.load(dx + (r << 5)));
    const shared = madd(f32x4.sub(v128.load(h + (r << 5)), mean), product, sum);
    v128.store(dh + (r << 5), madd(f32x4.sub(slope, shared), inverse, v128.load(dh + (r << 5))));
  }
}

/** dx ⊙ normalized h of one row, its two halves added. */
// @ts-ignore: decorator
@inline
function scaleGradient(dx: usize, h: usize, mean0: v128, mean1: v128, inverse0: v128, inverse1: v128): v128 {
  return madd(
    f32x4.mul(v128.load(dx), inverse0),
    f32x4.sub(v128.load(h), mean0),
    f32x4.mul(f32x4.mul(v128.load(dx, 16), inverse1), f32x4.sub(v128.load(h, 16), mean1)),
  );
}
