import { printable } from "../files/printable.ts";

/** The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes end to end. */

/** Element types that can be read; `F64` and `F32` are written. */
export type SafetensorsDtype = "F64" | "F32" | "F16" | "BF16";

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<SafetensorsDtype, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/** One tensor as it lies in a file. */
export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Little-endian elements, row-major: a view into the file. */
  readonly bytes: Uint8Array;
}

/** A whole file. */
export interface SafetensorsFile {
  /** The header's `__metadata__`; empty when there is none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** The header's key that holds the metadata and can be no tensor's name. */
export const METADATA_KEY = "__metadata__";

/** A name out of a file, quoted and made safe to show. */
export function shownName(name: string): string {
  return `"${printable(name)}"`;
}

/** A shape for people: `[30522 × 12]`. */
export function shownShape(shape: readonly number[]): string {
  return `[${shape.join(" × ")}]`;
}
