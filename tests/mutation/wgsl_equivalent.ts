const ADDS_UP = "In single precision a softmax's outputs add up to one.";

const ANY_MEAN = "Whatever all slopes have in common is taken off again.";

/** Mutants of the WGSL kernels that compute the same up to rounding, and why; keys as in equivalent.ts. */
export const WGSL_EQUIVALENT: Readonly<Record<string, string>> = {
  [
    "matrixTile: select takes the other: return Tile(a + o, b + i % columns, into + 4u * i, " +
    "select(NONE, bias + o, i % columns == 0u), false);"
  ]: "Every tile of a row has the sum that the first one writes to the bias; where the others write it instead, it is " +
    "the same, unless there is but one column.",
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
  "runBackward: a condition is negated: if (tid == 0u) { present = vec4u(store[slot + storeSteps + t]); }":
    "All threads but the first write what the first one would.",
};
