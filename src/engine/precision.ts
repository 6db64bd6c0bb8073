/**
 * In what a GPU keeps activations: 32 or 16 bits a number; matrices are rounded alike where kernels read them. It computes
 * and accumulates in 32 bits either way, and so are the weights that the optimizer changes.
 */
export const PRECISIONS = ["f32", "f16"] as const;
export type Precision = typeof PRECISIONS[number];

const HALF = ", half precision";

/** What an engine calls its arithmetic on `device` with that precision. */
export const arithmeticName = (device: string, precision: Precision): string =>
  precision === "f16" ? device + HALF : device;

/** The precision that `arithmetic`, by which an engine or a run names it, has. */
export const precisionOf = (arithmetic: string): Precision => arithmetic.endsWith(HALF) ? "f16" : "f32";
