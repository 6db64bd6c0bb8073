// GELU with dropout over rows [rows][8], forward and backward.

import { bell, gelu, geluSlope, normalTail } from "./math.as";

/** hidden ← mask ⊙ GELU(hidden). */
// @ts-ignore: decorator
@inline
export function geluForward(hidden: usize, mask: usize, rows: i32, dropping: bool): void {
  const size = <usize>rows << 5;
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
export function geluBackward(hidden: usize, dPre: usize, mask: usize, rows: i32, dropping: bool): void {
  const size = <usize>rows << 5;
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
