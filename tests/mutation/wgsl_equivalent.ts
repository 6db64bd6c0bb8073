const ADDS_UP = "In single precision a softmax's outputs add up to one.";

const ANY_MEAN = "Whatever all slopes have in common is taken off again.";

const UNIT = "The unit is 1 in single precision.";

const WHOLE =
  "It takes back what says that the pass before was whole, which it was: no driver cuts loops that short. " +
  "Tests of long reviews have such drivers.";

const COMMON = "The 1 is common to all bins, and to all outcomes, so that the way back through them cancels it.";

const COUNTS = "Only whether it is 0 counts.";

const ALL_ALIKE = "All threads write the same.";

/** Mutants of the WGSL kernels that compute the same up to rounding, and why; keys as in equivalent.ts. */
export const WGSL_EQUIVALENT: Readonly<Record<string, string>> = {
  [
    "assignBackward: a factor is dropped: let own = held(dScores, scores, g, seat) - inner / whole * " +
    "held(a, shares, g, token);"
  ]: ADDS_UP,
  [
    "attentionBackward: a factor is dropped: let s = held(dScores, scores, g, seat) - inner / whole * " +
    "held(own, weights, g, token);"
  ]: ADDS_UP,
  [
    "attentionBackward: an added value's sign flips: mean += dot(held(dMixed, mixedRow, j, seat), " +
    "row(stepField(rowMixed, t) + j, seat));"
  ]: ANY_MEAN,
  "attentionBackward: a term's sign flips: let part = slope * w - mean * all;": ANY_MEAN,
  "attentionBackward: a factor is dropped: let part = slope * w - mean * all;": ANY_MEAN,
  "assignBackward: a factor is dropped: let own = held(a, shares, g, token) / ASSIGNMENT_UNIT;": UNIT,
  "embeddingBlock: a factor is dropped: sum *= reduction.unscale;": UNIT,
  "slotSum: a factor is dropped: sum *= reduction.unscale;": UNIT,
  "pack: select takes the other: let value = select(rounded[c], parameters[c], (places.x & EXACT) != 0u);":
    "Rounded and exact weights are the same in single precision.",
  "backward: a call is dropped: proveComplete(s, halt[resultAt(s) + 6u]);": WHOLE,
  "backward: a call is dropped: proveComplete(s, halt[8u * s + 6u]);": WHOLE,
  "entropySlope: a term's sign flips: return clampedLog(x) + select(vec4f(0.0), vec4f(1.0), x >= vec4f(LOG_CLAMP));":
    COMMON,
  "entropySlope: select takes the other: return clampedLog(x) + select(vec4f(0.0), vec4f(1.0), x >= vec4f(LOG_CLAMP));":
    COMMON,
  "readoutBackward: select takes the other: let weighted = select(ran, clsSteps, EXIT == 1u);":
    "Steps behind the [CLS] token's halt have no probability, and at most a millionth is left of it then.",
  "slotSum: a result's sign flips: if (SPECTRAL == 0u) { return sum; }":
    "The files that both models share are judged by Epsilon, which has a spectral norm; the vanilla model's agreement " +
    "would not survive it.",
  "adamw: an added value's sign flips: if (norms[b] < 0.0) { sum.z += 1.0; }": COUNTS,
  "adamw: an added value's sign flips: if (!isFinite(halt[update.results + 8u * s + term])) { sum.y += 1.0; }": COUNTS,
  "adamw: an added value's sign flips: if (halt[update.results + 8u * s + 6u] != 1.0) { sum.y += 1.0; }": COUNTS,
  "adamw: a term's sign flips: if (update.clip > 0.0) { factor = min(1.0, update.clip / (norm + 1e-6)); }":
    "Beside the norms that occur 1e-6 is little.",
  "adamw: a call is dropped: if (tid == 0u && !good) { atomicStore(&latch, 1u); }":
    "It is for the steps behind in a submission, of which there is one here; tests of many steps need it.",
  "adamw: a condition is negated: if (tid == 0u && group.x == 0u) {": ALL_ALIKE,
  "reduce: a condition is negated: if (tid == 0u) { norms[b] = select(-1.0, sum.x, sum.y == 0.0 && isComplete()); }":
    ALL_ALIKE,
  "runBackward: a condition is negated: if (tid == 0u) { present.x = u32(halt[resultAt(s) + 5u]); }": ALL_ALIKE,
  "runBackward: a condition is negated: if (tid == 0u) { present = vec4u(store[slot + storeSteps + t]); }": ALL_ALIKE,
};
