// Small matrix products on tiles of 8 tokens.
//
// Layouts (f32):
//   tile rows   [row][8]            a value of 8 tokens per row, 32 bytes a row
//   packed      [outputs/4][inputs][4]  outputs padded with zeros to a multiple of 4
// Four outputs times eight tokens fill eight accumulators; the weights of four outputs come with one load.

import { madd, sumLanes } from "./math.as";

/** rows ← bias + W·x for one tile; `outputGroups` is ⌈outputs/4⌉, `bias` [4·outputGroups] or 0 for none. */
export function tileProduct(rows: usize, x: usize, packed: usize, bias: usize, inputs: i32, outputGroups: i32): void {
  multiply(rows, x, packed, bias, inputs, outputGroups, false);
}

/** rows ← rows + W·x for one tile. */
export function tileProductAdd(rows: usize, x: usize, packed: usize, inputs: i32, outputGroups: i32): void {
  multiply(rows, x, packed, 0, inputs, outputGroups, true);
}

// @ts-ignore: decorator
@inline
function multiply(
  rows: usize, x: usize, packed: usize, bias: usize, inputs: i32, outputGroups: i32, adding: bool,
): void {
  const end = x + (<usize>inputs << 5);
  for (let o = 0; o < outputGroups; o++) {
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    if (adding) {
      a0 = v128.load(rows);
      a1 = v128.load(rows, 16);
      b0 = v128.load(rows, 32);
      b1 = v128.load(rows, 48);
      c0 = v128.load(rows, 64);
      c1 = v128.load(rows, 80);
      d0 = v128.load(rows, 96);
      d1 = v128.load(rows, 112);
    } else if (bias) {
      const b = v128.load(bias);
      a0 = a1 = v128.shuffle<f32>(b, b, 0, 0, 0, 0);
      b0 = b1 = v128.shuffle<f32>(b, b, 1, 1, 1, 1);
      c0 = c1 = v128.shuffle<f32>(b, b, 2, 2, 2, 2);
      d0 = d1 = v128.shuffle<f32>(b, b, 3, 3, 3, 3);
      bias += 16;
    }
    for (let p = x; p < end; p += 32) {
      const w = v128.load(packed);
      const x0 = v128.load(p);
      const x1 = v128.load(p, 16);
      const wa = v128.shuffle<f32>(w, w, 0, 0, 0, 0);
      a0 = madd(wa, x0, a0);
      a1 = madd(wa, x1, a1);
      const wb = v128.shuffle<f32>(w, w, 1, 1, 1, 1);
      b0 = madd(wb, x0, b0);
      b1 = madd(wb, x1, b1);
      const wc = v128.shuffle<f32>(w, w, 2, 2, 2, 2);
      c0 = madd(wc, x0, c0);
      c1 = madd(wc, x1, c1);
      const wd = v128.shuffle<f32>(w, w, 3, 3, 3, 3);
      d0 = madd(wd, x0, d0);
      d1 = madd(wd, x1, d1);
      packed += 16;
    }
    v128.store(rows, a0);
    v128.store(rows, a1, 16);
    v128.store(rows, b0, 32);
    v128.store(rows, b1, 48);
    v128.store(rows, c0, 64);
    v128.store(rows, c1, 80);
    v128.store(rows, d0, 96);
    v128.store(rows, d1, 112);
    rows += 128;
  }
}

/**
 * packed ← packed + Σ_tokens y ⊗ x over `tiles` tiles: the gradient of a weight whose outputs are `y` and inputs `x`.
 * Lanes of `y` beyond a tile's tokens must be zero. Strides are bytes from tile to tile.
 */
export function outerAdd(
  packed: usize, y: usize, yStride: usize, outputGroups: i32, x: usize, xStride: usize, inputs: i32, tiles: i32,
): void {
  for (let o = 0; o < outputGroups; o++) {
    let i = 0;
    let xi = x;
    for (; i + 3 <= inputs; i += 3) {
      let a0 = f32x4.splat(0), a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0;
      let c0 = a0, c1 = a0, c2 = a0, d0 = a0, d1 = a0, d2 = a0;
      let yp = y, xp = xi;
      for (let tile = 0; tile < tiles; tile++) {
        for (let half: usize = 0; half < 32; half += 16) {
          const x0 = v128.load(xp + half), x1 = v128.load(xp + half, 32), x2 = v128.load(xp + half, 64);
          const ya = v128.load(yp + half);
          a0 = madd(ya, x0, a0);
          a1 = madd(ya, x1, a1);
          a2 = madd(ya, x2, a2);
          const yb = v128.load(yp + half, 32);
          b0 = madd(yb, x0, b0);
          b1 = madd(yb, x1, b1);
          b2 = madd(yb, x2, b2);
          const yc = v128.load(yp + half, 64);
          c0 = madd(yc, x0, c0);
          c1 = madd(yc, x1, c1);
          c2 = madd(yc, x2, c2);
          const yd = v128.load(yp + half, 96);
          d0 = madd(yd, x0, d0);
          d1 = madd(yd, x1, d1);
          d2 = madd(yd, x2, d2);
        }
        yp += yStride;
        xp += xStride;
      }
      v128.store(packed, f32x4.add(v128.load(packed), sumLanes(a0, b0, c0, d0)));
      v128.store(packed, f32x4.add(v128.load(packed, 16), sumLanes(a1, b1, c1, d1)), 16);
      v128.store(packed, f32x4.add(v128.load(packed, 32), sumLanes(a2, b2, c2, d2)), 32);
      packed += 48;
      xi += 96;
    }
    for (; i < inputs; i++) {
      let a = f32x4.splat(0), b = a, c = a, d = a;
      let yp = y, xp = xi;
      for (let tile = 0; tile < tiles; tile++) {
        for (let half: usize = 0; half < 32; half += 16) {
          const xv = v128.load(xp + half);
          a = madd(v128.load(yp + half), xv, a);
          b = madd(v128.load(yp + half, 32), xv, b);
          c = madd(v128.load(yp + half, 64), xv, c);
          d = madd(v128.load(yp + half, 96), xv, d);
        }
        yp += yStride;
        xp += xStride;
      }
      v128.store(packed, f32x4.add(v128.load(packed), sumLanes(a, b, c, d)));
      packed += 16;
      xi += 32;
    }
    y += 128;
  }
}

/** sums[row] ← sums[row] + Σ_tokens rows[row] over `tiles` tiles, for 4·rowGroups rows: the gradient of a bias. */
export function rowSumsAdd(sums: usize, rows: usize, stride: usize, rowGroups: i32, tiles: i32): void {
  for (let g = 0; g < rowGroups; g++) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let p = rows;
    for (let tile = 0; tile < tiles; tile++) {
      a = f32x4.add(a, f32x4.add(v128.load(p), v128.load(p, 16)));
      b = f32x4.add(b, f32x4.add(v128.load(p, 32), v128.load(p, 48)));
      c = f32x4.add(c, f32x4.add(v128.load(p, 64), v128.load(p, 80)));
      d = f32x4.add(d, f32x4.add(v128.load(p, 96), v128.load(p, 112)));
      p += stride;
    }
    v128.store(sums, f32x4.add(v128.load(sums), sumLanes(a, b, c, d)));
    sums += 16;
    rows += 128;
  }
}
