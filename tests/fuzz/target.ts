import type { Mutator } from "./mutate.ts";

/** Something that reads what others have written. */
export interface FuzzTarget {
  readonly name: string;
  /** Share of all inputs, relative to the other targets'. */
  readonly weight: number;
  /** Words of its format. */
  readonly words: readonly string[];
  /** Valid inputs. */
  readonly examples: readonly Uint8Array[];
  /**
   * A mutation that knows the format (its grammar, lengths, checksums); without it, and half of the time, the bytes of an
   * example are mutated.
   */
  readonly generate?: (mutator: Mutator) => Uint8Array | Promise<Uint8Array>;
  /**
   * Reads `input` as the program does and compares what was accepted with what is read again from what is written of it.
   * An EpsilonError says that the input is refused; anything else that is thrown is a fault.
   */
  readonly read: (input: Uint8Array<ArrayBuffer>, folder: string) => Promise<void>;
}

const encoder = new TextEncoder();

/** The bytes of texts. */
export function bytesOf(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => encoder.encode(text));
}

/** What a target without files reads: the input as one piece, or as two that meet anywhere. */
export async function* pieces(input: Uint8Array, split = input.length): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield input.subarray(0, split);
  if (split < input.length) yield input.subarray(split);
}
