// Softmax over rows, one distribution per lane.
//
// s [rows][8]. In place: s ← exp(s − max) / Σ.

import { expOfNegative } from "../simd/math.as";

export function softmaxForward(s: usize, rows: i32): void {
  const end = s + (<usize>rows << 5);
  let m0 = v128.load(s), m1 = v128.load(s, 16);
  for (let p = s + 32; p < end; p += 32) {
    m0 = f32x4.pmax(m0, v128.load(p));
    m1 = f32x4.pmax(m1, v128.load(p, 16));
  }
  let sum0 = f32x4.splat(0), sum1 = sum0;
  for (let p = s; p < end; p += 32) {
    const e0 = expOfNegative(f32x4.sub(v128.load(p), m0));
    const e1 = expOfNegative(f32x4.sub(v128.load(p, 16), m1));
    v128.store(p, e0);
    v128.store(p, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  const one = f32x4.splat(1);
  const inverse0 = f32x4.div(one, sum0), inverse1 = f32x4.div(one, sum1);
  for (let p = s; p < end; p += 32) {
    v128.store(p, f32x4.mul(v128.load(p), inverse0));
    v128.store(p, f32x4.mul(v128.load(p, 16), inverse1), 16);
  }
}

/** In place: ds ← a ⊙ (da − Σ a ⊙ da), where `ds` holds da on entry. Saved: a. */
export function softmaxBackward(ds: usize, a: usize, rows: i32): void {
  const size = <usize>rows << 5;
  let dot0 = f32x4.splat(0), dot1 = dot0;
  for (let p: usize = 0; p < size; p += 32) {
    dot0 = f32x4.add(dot0, f32x4.mul(v128.load(a + p), v128.load(ds + p)));
    dot1 = f32x4.add(dot1, f32x4.mul(v128.load(a + p, 16), v128.load(ds + p, 16)));
  }
  for (let p: usize = 0; p < size; p += 32) {
    v128.store(ds + p, f32x4.mul(v128.load(a + p), f32x4.sub(v128.load(ds + p), dot0)));
    v128.store(ds + p, f32x4.mul(v128.load(a + p, 16), f32x4.sub(v128.load(ds + p, 16), dot1)), 16);
  }
}
