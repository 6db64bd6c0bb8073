// Adaptive halting (spec §1) on one tile: s = w_t·h⁺ + b_t, p = min(sigmoid(s), r), r ← r − p.
//
// h⁺ [d][8]; p [L][n] and r [n] lie in token order; `map` [8] names the tokens of the tile's lanes.

import { dGroups, dModel, haltRemainder, packedHalting, packedHaltingBias, slotHalting, slotHaltingBias } from "../header.as";
import { exp, madd, sumLanes, sumOfLanes } from "../simd/math.as";

/** Rows of halting weights are 4·dGroups floats apart. */
// @ts-ignore: decorator
@inline
function haltingRow(base: usize, step: i32): usize {
  return base + (<usize>(step * dGroups()) << 4);
}

/** Returns how many of the tile's `lanes` tokens are still active after step t; `steps` [n] counts each one's steps. */
export function haltingForward(h: usize, probabilities: usize, remainders: usize, steps: usize, map: usize, lanes: i32, step: i32, score: usize): i32 {
  const w = haltingRow(packedHalting(), step);
  let s0 = v128.load32_splat(packedHaltingBias() + (<usize>step << 2)), s1 = s0;
  for (let r: usize = 0; r < <usize>dModel(); r++) {
    const weight = v128.load32_splat(w + (r << 2));
    s0 = madd(weight, v128.load(h + (r << 5)), s0);
    s1 = madd(weight, v128.load(h + (r << 5), 16), s1);
  }
  const one = f32x4.splat(1), spent = haltRemainder();
  v128.store(score, f32x4.div(one, f32x4.add(one, exp(f32x4.neg(s0)))));
  v128.store(score, f32x4.div(one, f32x4.add(one, exp(f32x4.neg(s1)))), 16);
  let active = 0;
  for (let lane = 0; lane < lanes; lane++) {
    const index = <usize>load<u32>(map + (<usize>lane << 2));
    const token = index << 2;
    const remainder = load<f32>(remainders + token);
    if (remainder > spent) {
      store<u8>(steps + index, <u8>(step + 1));
      const sigmoid = load<f32>(score + (<usize>lane << 2));
      // A NaN goes on into the losses and counts as halted, here and in `compact` alike.
      const p = sigmoid > remainder ? remainder : sigmoid;
      store<f32>(probabilities + token, p);
      const rest = remainder - p;
      store<f32>(remainders + token, rest);
      if (rest > spent) active++;
    }
  }
  return active;
}

/**
 * dh ← dh + ds·w_t for one tile, and the slot's ∂w_t, ∂b_t grow; `scores` [n] holds the step's ds in token order (zero
 * for tokens that were no longer active). Saved: h⁺.
 */
export function haltingBackward(slot: usize, dh: usize, h: usize, scores: usize, map: usize, lanes: i32, step: i32, ds: usize): void {
  v128.store(ds, f32x4.splat(0));
  v128.store(ds, f32x4.splat(0), 16);
  for (let lane = 0; lane < lanes; lane++) {
    const token = <usize>load<u32>(map + (<usize>lane << 2)) << 2;
    store<f32>(ds + (<usize>lane << 2), load<f32>(scores + token));
  }
  const ds0 = v128.load(ds), ds1 = v128.load(ds, 16);
  const w = haltingRow(packedHalting(), step);
  for (let r: usize = 0; r < <usize>dModel(); r++) {
    const weight = v128.load32_splat(w + (r << 2));
    const p = dh + (r << 5);
    v128.store(p, madd(weight, ds0, v128.load(p)));
    v128.store(p, madd(weight, ds1, v128.load(p, 16)), 16);
  }
  let dw = haltingRow(slot + slotHalting(), step);
  for (let group = 0; group < dGroups(); group++) {
    const sums = sumLanes(
      scoreProduct(h, ds0, ds1), scoreProduct(h + 32, ds0, ds1), scoreProduct(h + 64, ds0, ds1),
      scoreProduct(h + 96, ds0, ds1),
    );
    v128.store(dw, f32x4.add(v128.load(dw), sums));
    dw += 16;
    h += 128;
  }
  const db = slot + slotHaltingBias() + (<usize>step << 2);
  store<f32>(db, load<f32>(db) + sumOfLanes(f32x4.add(ds0, ds1)));
}

// @ts-ignore: decorator
@inline
function scoreProduct(h: usize, ds0: v128, ds1: v128): v128 {
  return madd(v128.load(h), ds0, f32x4.mul(v128.load(h, 16), ds1));
}
