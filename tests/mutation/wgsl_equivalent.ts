/** Mutants of the WGSL kernels that compute the same up to rounding, and why; keys as in equivalent.ts. */
export const WGSL_EQUIVALENT: Readonly<Record<string, string>> = {
  [
    "matrixTile: select takes the other: return Tile(a + o, b + i % columns, into + 4u * i, " +
    "select(NONE, bias + o, i % columns == 0u), false);"
  ]: "Every tile of a row has the sum that the first one writes to the bias; where the others write it instead, it is " +
    "the same, unless there is but one column.",
  "runBackward: a condition is negated: if (tid == 0u) { present = vec4u(store[slot + storeSteps + t]); }":
    "All threads but the first write what the first one would.",
};
