// CenterNorm (spec §1): x = γ ⊙ √(d/(d−1)) · (h − mean(h)) + β, on one tile.
//
// h, x [d][8]; gamma, beta [4·dGroups]. Lanes of gradients beyond the tile's tokens are zero.

import { centerScale, dGroups, dModel } from "../header.as";
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

export function centerNormForward(x: usize, h: usize, gamma: usize, beta: usize): void {
  const d = dModel();
  const scale = f32x4.splat(centerScale());
  for (let half: usize = 0; half < 32; half += 16) {
    const mean = featureMean(h + half, d);
    for (let r: usize = 0; r < <usize>d; r++) {
      const centred = f32x4.mul(f32x4.sub(v128.load(h + half + (r << 5)), mean), scale);
      v128.store(
        x + half + (r << 5),
        madd(centred, v128.load32_splat(gamma + (r << 2)), v128.load32_splat(beta + (r << 2))),
      );
    }
  }
}

/** dh ← dh + ∂x/∂hᵀ·dx; dGamma, dBeta [4·dGroups] grow by this tile's share. Saved: h. `dx` has 4·dGroups rows. */
export function centerNormBackward(dh: usize, dx: usize, h: usize, gamma: usize, dGamma: usize, dBeta: usize): void {
  const d = dModel();
  const scale = f32x4.splat(centerScale());
  const mean0 = featureMean(h, d);
  const mean1 = featureMean(h + 16, d);
  let sum0 = f32x4.splat(0), sum1 = sum0;
  for (let r: usize = 0; r < <usize>d; r++) {
    const g = v128.load32_splat(gamma + (r << 2));
    sum0 = madd(g, v128.load(dx + (r << 5)), sum0);
    sum1 = madd(g, v128.load(dx + (r << 5), 16), sum1);
  }
  const share = f32x4.splat(1 / <f32>d);
  sum0 = f32x4.mul(sum0, share);
  sum1 = f32x4.mul(sum1, share);
  for (let r: usize = 0; r < <usize>d; r++) {
    const g = v128.load32_splat(gamma + (r << 2));
    const p = dh + (r << 5);
    const q = dx + (r << 5);
    v128.store(p, madd(f32x4.sub(f32x4.mul(g, v128.load(q)), sum0), scale, v128.load(p)));
    v128.store(p, madd(f32x4.sub(f32x4.mul(g, v128.load(q, 16)), sum1), scale, v128.load(p, 16)), 16);
  }
  for (let group = 0; group < dGroups(); group++) {
    v128.store(dBeta, f32x4.add(v128.load(dBeta), sumLanes(
      f32x4.add(v128.load(dx), v128.load(dx, 16)),
      f32x4.add(v128.load(dx, 32), v128.load(dx, 48)),
      f32x4.add(v128.load(dx, 64), v128.load(dx, 80)),
      f32x4.add(v128.load(dx, 96), v128.load(dx, 112)),
    )));
    const products = sumLanes(
      gainProduct(dx, h, mean0, mean1),
      gainProduct(dx + 32, h + 32, mean0, mean1),
      gainProduct(dx + 64, h + 64, mean0, mean1),
      gainProduct(dx + 96, h + 96, mean0, mean1),
    );
    v128.store(dGamma, madd(products, scale, v128.load(dGamma)));
    dGamma += 16;
    dBeta += 16;
    dx += 128;
    h += 128;
  }
}

/** dx ⊙ (h − mean) of one row, its two halves added. */
// @ts-ignore: decorator
@inline
function gainProduct(dx: usize, h: usize, mean0: v128, mean1: v128): v128 {
  return madd(
    v128.load(dx),
    f32x4.sub(v128.load(h), mean0),
    f32x4.mul(v128.load(dx, 16), f32x4.sub(v128.load(h, 16), mean1)),
  );
}
