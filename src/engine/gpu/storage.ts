import type { Precision } from "../precision.ts";

/** How activations lie on the device (kernels/storage/). */
export interface Storage {
  readonly precision: Precision;
  /** Bytes of four of them side by side. */
  readonly vectorBytes: number;
  /** 4-byte words of such a vector. */
  readonly vectorWords: number;
  /** Vectors in which a group of the Epsilon model's residual stream stands exactly, where its records do not hold it so. */
  readonly streamVectors: number;
  /** In which the Epsilon model's assignments are stored. */
  readonly assignmentUnit: number;
}

export const STORAGES: Readonly<Record<Precision, Storage>> = {
  f32: { precision: "f32", vectorBytes: 16, vectorWords: 4, streamVectors: 0, assignmentUnit: 1 },
  f16: { precision: "f16", vectorBytes: 8, vectorWords: 2, streamVectors: 2, assignmentUnit: 32768 },
};

/** Matrices' weights as the kernels read them: in half precision each is the nearest half, master weights are not. */
export function roundedWeights({ precision }: Storage, values: Float32Array | Float64Array): ArrayLike<number> {
  return precision === "f16" ? Float16Array.from(values) : values;
}

/** The numbers that were read from the device as `words`. */
export function fromStored({ precision }: Storage, words: Float32Array<ArrayBuffer>): Float32Array {
  if (precision === "f32") return words;
  return Float32Array.from(new Float16Array(words.buffer, words.byteOffset, 2 * words.length));
}

/**
 * By what the objective is multiplied on the way back, a power of two, before AdamW sees it: gradients of a mean over all
 * tokens would be too small for half precision, those of a sum over them lie in the middle of its range.
 */
export function gradientScale({ precision }: Storage, tokens: number): number {
  return precision === "f16" ? 2 ** (32 - Math.clz32(tokens - 1)) : 1;
}
