// AdamW with decoupled weight decay, and the squared norm that clipping needs (spec §2, "Optimizer").
//
// parameters, gradient, moments: natural-order slabs, 16-byte aligned; a block is a range of elements that starts at a
// multiple of four. Every element of a block is read and written by one thread, so results do not depend on threads.

import { firstMoment, gradient, parameters, secondMoment } from "../header.as";
import { madd, sumOfLanes } from "../simd/math.as";

/** Σ g² of elements [first, last). Lanes are summed in short runs so that the rounding error stays small. */
export function squaredNorm(first: i32, last: i32): f64 {
  const RUN = 512;
  let total: f64 = 0;
  const g = gradient();
  let i = first;
  while (i + 4 <= last) {
    const end = min(i + RUN, last);
    let sum = f32x4.splat(0);
    for (; i + 4 <= end; i += 4) {
      const value = v128.load(g + (<usize>i << 2));
      sum = madd(value, value, sum);
    }
    total += <f64>sumOfLanes(sum);
  }
  for (; i < last; i++) {
    const value = <f64>load<f32>(g + (<usize>i << 2));
    total += value * value;
  }
  return total;
}

/**
 * One AdamW step of elements [first, last); the gradient is left zero for the next batch.
 * clip scales the gradient; `decay` = 1 − lr·λ; `rate` = lr/(1 − β₁ᵗ); `secondScale` = 1/√(1 − β₂ᵗ).
 */
export function adamwStep(
  first: i32, last: i32, clip: f32, decay: f32, rate: f32, secondScale: f32, beta1: f32, beta2: f32, epsilon: f32,
): void {
  const clips = f32x4.splat(clip), decays = f32x4.splat(decay), rates = f32x4.splat(rate);
  const scales = f32x4.splat(secondScale), epsilons = f32x4.splat(epsilon);
  const b1 = f32x4.splat(beta1), c1 = f32x4.splat(1 - beta1), b2 = f32x4.splat(beta2), c2 = f32x4.splat(1 - beta2);
  const zero = f32x4.splat(0);
  let i = first;
  for (; i + 4 <= last; i += 4) {
    const at = <usize>i << 2;
    const g = f32x4.mul(v128.load(gradient() + at), clips);
    const m = madd(b1, v128.load(firstMoment() + at), f32x4.mul(c1, g));
    const v = madd(b2, v128.load(secondMoment() + at), f32x4.mul(c2, f32x4.mul(g, g)));
    v128.store(firstMoment() + at, m);
    v128.store(secondMoment() + at, v);
    v128.store(gradient() + at, zero);
    const step = f32x4.div(f32x4.mul(rates, m), madd(f32x4.sqrt(v), scales, epsilons));
    v128.store(parameters() + at, f32x4.sub(f32x4.mul(v128.load(parameters() + at), decays), step));
  }
  for (; i < last; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(gradient() + at) * clip;
    const m = beta1 * load<f32>(firstMoment() + at) + (1 - beta1) * g;
    const v = beta2 * load<f32>(secondMoment() + at) + (1 - beta2) * g * g;
    store<f32>(firstMoment() + at, m);
    store<f32>(secondMoment() + at, v);
    store<f32>(gradient() + at, 0);
    const step = rate * m / (<f32>Math.sqrt(<f64>v) * secondScale + epsilon);
    store<f32>(parameters() + at, load<f32>(parameters() + at) * decay - step);
  }
}
