/** Mutants of the WGSL kernels that compute the same up to rounding, and why; keys as in equivalent.ts. */
export const WGSL_EQUIVALENT: Readonly<Record<string, string>> = {};
