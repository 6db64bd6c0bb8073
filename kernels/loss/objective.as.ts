// Head and objective (spec §1 "Head", §2) of one sequence: cross-entropy of [CLS], KL of the step distribution to the
// geometric prior, and the gradient of both, down to the halting scores.
//
// p [L][n8] in token order, n8 = n rounded up to 8, zeros where a token no longer acts; y [d]; prior [L + 1] holds log Q.

import {
  atHeadBias, atHeadWeight, dModel, haltRemainder, klWeight, maxLayers, numClasses, parameters, slotHeadBias, slotHeadWeight,
  taskWeight,
} from "../header.as";
import { logarithm } from "../simd/math.as";

/** logits [classes] ← W_c·y + b_c. */
export function headForward(logits: usize, y: usize): void {
  const d = dModel();
  const w = parameters() + (<usize>atHeadWeight() << 2), b = parameters() + (<usize>atHeadBias() << 2);
  for (let c = 0; c < numClasses(); c++) {
    let sum = <f64>load<f32>(b + (<usize>c << 2));
    for (let r = 0; r < d; r++) {
      sum += <f64>load<f32>(w + (<usize>(c * d + r) << 2)) * <f64>load<f32>(y + (<usize>r << 2));
    }
    store<f32>(logits + (<usize>c << 2), <f32>sum);
  }
}

/** −log softmax(logits)[label] in nats. */
export function crossEntropy(logits: usize, label: i32): f64 {
  return logSumExp(logits) - <f64>load<f32>(logits + (<usize>label << 2));
}

function logSumExp(logits: usize): f64 {
  let top = <f64>load<f32>(logits);
  for (let c = 1; c < numClasses(); c++) top = max(top, <f64>load<f32>(logits + (<usize>c << 2)));
  let sum: f64 = 0;
  for (let c = 0; c < numClasses(); c++) sum += Math.exp(<f64>load<f32>(logits + (<usize>c << 2)) - top);
  return top + Math.log(sum);
}

/** dy [d] and the slot's ∂W_c, ∂b_c (natural order). */
export function headBackward(slot: usize, dy: usize, logits: usize, y: usize, label: i32): void {
  const d = dModel();
  const total = logSumExp(logits);
  const w = parameters() + (<usize>atHeadWeight() << 2);
  memory.fill(dy, 0, <usize>d << 2);
  for (let c = 0; c < numClasses(); c++) {
    const probability = Math.exp(<f64>load<f32>(logits + (<usize>c << 2)) - total);
    const dLogit = <f32>(probability - <f64>(c == label ? 1 : 0)) * taskWeight();
    const db = slot + slotHeadBias() + (<usize>c << 2);
    store<f32>(db, load<f32>(db) + dLogit);
    for (let r = 0; r < d; r++) {
      const at = <usize>(c * d + r) << 2;
      const dw = slot + slotHeadWeight() + at;
      store<f32>(dw, load<f32>(dw) + dLogit * load<f32>(y + (<usize>r << 2)));
      const target = dy + (<usize>r << 2);
      store<f32>(target, load<f32>(target) + dLogit * load<f32>(w + at));
    }
  }
}

/** Σ over the sequence's tokens of KL(P‖Q) (spec §2), in nats, without any weight; only `steps` rows of p are used. */
export function klForward(p: usize, n: i32, stride: usize, steps: i32, prior: usize): f64 {
  const floor = f32x4.splat(1e-9), zero = f32x4.splat(0);
  let total: f64 = 0;
  for (let first = 0; first < n; first += 4) {
    const at = p + (<usize>first << 2);
    let rest = f32x4.splat(1), sum = zero;
    for (let t = 0; t < steps; t++) {
      const value = v128.load(at + <usize>t * stride);
      rest = f32x4.sub(rest, value);
      sum = f32x4.add(sum, divergence(value, prior + (<usize>t << 2), floor));
    }
    rest = f32x4.pmax(zero, rest);
    sum = f32x4.add(sum, divergence(rest, prior + (<usize>maxLayers() << 2), floor));
    const count = min(4, n - first);
    total += <f64>f32x4.extract_lane(sum, 0);
    if (count > 1) total += <f64>f32x4.extract_lane(sum, 1);
    if (count > 2) total += <f64>f32x4.extract_lane(sum, 2);
    if (count > 3) total += <f64>f32x4.extract_lane(sum, 3);
  }
  return total;
}

// @ts-ignore: decorator
@inline
function divergence(p: v128, prior: usize, floor: v128): v128 {
  return f32x4.mul(p, f32x4.sub(logarithm(f32x4.pmax(p, floor)), v128.load32_splat(prior)));
}

// @ts-ignore: decorator
@inline
function klSlope(p: v128, prior: usize, floor: v128, weight: v128): v128 {
  const slope = f32x4.sub(logarithm(f32x4.pmax(p, floor)), v128.load32_splat(prior));
  return f32x4.mul(weight, f32x4.add(slope, v128.and(f32x4.splat(1), f32x4.ge(p, floor))));
}

/**
 * In place: p [L][n8] becomes ds, the gradient of each step's halting score, from the KL term and, for [CLS] (token 0),
 * from `dStep` [steps] (∂ of y's weights p_t) and `dRest` (∂ of its final remainder). `scratch` holds steps · 16 bytes.
 */
export function haltingScoresBackward(
  p: usize, n: i32, stride: usize, steps: i32, prior: usize, dStep: usize, dRest: f32, scratch: usize,
): void {
  const floor = f32x4.splat(1e-9), zero = f32x4.splat(0), one = f32x4.splat(1);
  const halted = f32x4.splat(haltRemainder());
  const weight = f32x4.splat(klWeight());
  for (let first = 0; first < n; first += 4) {
    const at = p + (<usize>first << 2);
    let rest = one;
    for (let t = 0; t < steps; t++) {
      v128.store(scratch + (<usize>t << 4), rest);
      rest = f32x4.sub(rest, v128.load(at + <usize>t * stride));
    }
    let dRemainder = klSlope(f32x4.pmax(zero, rest), prior + (<usize>maxLayers() << 2), floor, weight);
    if (first == 0) dRemainder = f32x4.replace_lane(dRemainder, 0, f32x4.extract_lane(dRemainder, 0) + dRest);
    for (let t = steps - 1; t >= 0; t--) {
      const row = at + <usize>t * stride;
      const value = v128.load(row);
      const before = v128.load(scratch + (<usize>t << 4));
      let own = klSlope(value, prior + (<usize>t << 2), floor, weight);
      if (first == 0) own = f32x4.replace_lane(own, 0, f32x4.extract_lane(own, 0) + load<f32>(dStep + (<usize>t << 2)));
      const active = f32x4.gt(before, halted);
      // Where p took the whole remainder, the gradient goes to the remainder instead of the sigmoid.
      const cut = f32x4.eq(value, before);
      const dp = f32x4.sub(own, dRemainder);
      const ds = f32x4.mul(dp, f32x4.mul(value, f32x4.sub(one, value)));
      v128.store(row, v128.and(v128.andnot(ds, cut), active));
      dRemainder = v128.bitselect(own, dRemainder, v128.and(cut, active));
    }
  }
}
