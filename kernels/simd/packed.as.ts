// Weights as the tile products want them, and the way back for gradients.
//
// packed      [outputs/4][inputs][4], outputs padded with zeros
// transposed  the same of the transposed matrix

import { gradient, gradientSlots, parameters } from "../header.as";

/** Address of the parameter `at` (elements). */
// @ts-ignore: decorator
@inline
export function parameter(at: i32): usize {
  return parameters() + (<usize>at << 2);
}

/** Address of the gradient of the parameter `at`. */
// @ts-ignore: decorator
@inline
export function gradientOf(at: i32): usize {
  return gradient() + (<usize>at << 2);
}

/** Writes `matrix` [outputs × inputs], scaled, into a packed matrix of `width` inputs from output `firstOutput` on. */
export function pack(
  packed: usize, width: i32, firstOutput: i32, matrix: usize, outputs: i32, inputs: i32, scale: f32,
): void {
  for (let o = 0; o < outputs; o++) {
    const place = firstOutput + o;
    const row = packed + (<usize>((place >> 2) * width) << 4) + (<usize>(place & 3) << 2);
    const source = matrix + (<usize>(o * inputs) << 2);
    for (let i = 0; i < inputs; i++) store<f32>(row + (<usize>i << 4), load<f32>(source + (<usize>i << 2)) * scale);
  }
}

/** Writes the transposed `matrix` [outputs × inputs] into a packed matrix of `width` inputs, from input `firstInput` on. */
export function packTransposed(
  packed: usize, width: i32, firstInput: i32, matrix: usize, outputs: i32, inputs: i32, scale: f32,
): void {
  for (let i = 0; i < inputs; i++) {
    const row = packed + (<usize>((i >> 2) * width + firstInput) << 4) + (<usize>(i & 3) << 2);
    for (let o = 0; o < outputs; o++) {
      store<f32>(row + (<usize>o << 4), load<f32>(matrix + (<usize>(o * inputs + i) << 2)) * scale);
    }
  }
}

/** matrix [outputs × inputs] ← its part of a packed gradient, scaled. */
export function unpack(
  matrix: usize, packed: usize, width: i32, firstOutput: i32, outputs: i32, inputs: i32, scale: f32,
): void {
  for (let o = 0; o < outputs; o++) {
    const place = firstOutput + o;
    const row = packed + (<usize>((place >> 2) * width) << 4) + (<usize>(place & 3) << 2);
    const target = matrix + (<usize>(o * inputs) << 2);
    for (let i = 0; i < inputs; i++) store<f32>(target + (<usize>i << 2), load<f32>(row + (<usize>i << 4)) * scale);
  }
}

// @ts-ignore: decorator
@inline
export function copy(target: usize, source: usize, count: i32): void {
  memory.copy(target, source, <usize>count << 2);
}

/** Adds the gradient slots of all sequences into the first, in the batch's order. */
export function slotGradients(slots: i32, slotSize: usize): void {
  const slot = gradientSlots();
  for (let p: usize = 0; p < slotSize; p += 16) {
    let sum = v128.load(slot + p);
    for (let s = 1; s < slots; s++) sum = f32x4.add(sum, v128.load(slot + <usize>s * slotSize + p));
    v128.store(slot + p, sum);
  }
}
