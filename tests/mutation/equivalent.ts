import type { Mutant } from "./mutants.ts";

/** What tells a mutant of one source line from others, wherever the line stands. */
export function keyOf({ kernel, change, source }: Mutant): string {
  return `${kernel}: ${change}: ${source}`;
}

/** d(a·log a)/da = log a + 1, and the backward pass of softmax takes away whatever all bins have in common. */
const ENTROPY_CONSTANT = "The 1 is common to all bins, so that softmax's backward pass cancels it; a bin whose a is " +
  "below the floor of 1e-9, where the 1 is missing, weighs its slope with that a.";
const ENTROPY = "const slope = f32x4.add(logarithm(f32x4.pmax(value, floor)), v128.and(one, f32x4.ge(value, floor)));";

/** The outcomes' probabilities sum to 1, so that their slopes matter only by their differences. */
const KL_CONSTANT = "The 1 is common to all outcomes, so that the difference of a step's slope and the remainder's " +
  "cancels it; below the floor of 1e-9 a step's slope is weighed with its p, and a remainder is 0 only after a step " +
  "that took all of it, from where on its slope is replaced by that step's.";
const KL = "return f32x4.mul(weight, f32x4.add(slope, v128.and(f32x4.splat(1), f32x4.ge(p, floor))));";

/** Mutants that compute the same up to rounding, and why. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  "adamwStep: a statement is dropped: store<f32>(gradient() + at, 0);":
    "The last elements of the slab belong to the classification head, whose gradient unpackGradients overwrites; only " +
    "the embedding's, which lies first, is added to.",
  [`entropyBackward: add becomes sub: ${ENTROPY}`]: ENTROPY_CONSTANT,
  [`entropyBackward: and drops its mask: ${ENTROPY}`]: ENTROPY_CONSTANT,
  [`entropyBackward: ge becomes lt: ${ENTROPY}`]: ENTROPY_CONSTANT,
  [`klSlope: add becomes sub: ${KL}`]: KL_CONSTANT,
  [`klSlope: and drops its mask: ${KL}`]: KL_CONSTANT,
  [`klSlope: ge becomes lt: ${KL}`]: KL_CONSTANT,
  "haltingScoresBackward: and drops its mask: v128.store(row, v128.and(v128.andnot(ds, cut), active));":
    "A token that is no longer active has p = 0, and ds has p as a factor.",
  "haltingScoresBackward: and drops its mask: dRemainder = v128.bitselect(own, dRemainder, v128.and(cut, active));":
    "Without the mask it also acts where p = 0 is the whole remainder: after a step that took all of it, and that " +
    "step, which comes later on the way back, replaces the remainder's gradient once more.",
};
