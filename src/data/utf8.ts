import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";

const REPLACEMENT = "\ufffd";

/** Counts what is not UTF-8 in a stream of bytes that others decode; pieces may end inside a character. */
export class ReplacementCounter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #tail = new Uint8Array(0);

  /** Characters that `bytes`, the next piece, makes U+FFFD without having said so; `last` ends the stream. */
  count(bytes: Uint8Array, last: boolean): number {
    const text = this.#decoder.decode(bytes, { stream: !last });
    const replaced = text.includes(REPLACEMENT) ? text.split(REPLACEMENT).length - 1 : 0;
    const joined = replaced > 0 && this.#tail.length > 0 ? Uint8Array.from([...this.#tail, ...bytes]) : bytes;
    this.#tail = bytes.length >= 2 ? bytes.slice(-2) : Uint8Array.from([...this.#tail, ...bytes]).slice(-2);
    return replaced > 0 ? replaced - writtenReplacements(joined) : 0;
  }
}

/** `bytes` as text; what is not UTF-8 becomes U+FFFD and is counted in `replaced`. A byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): { readonly text: string; readonly replaced: number } {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (!text.includes(REPLACEMENT)) return { text, replaced: 0 };
  return { text, replaced: text.split(REPLACEMENT).length - 1 - writtenReplacements(bytes) };
}

/** Times that U+FFFD itself stands in `bytes`. */
function writtenReplacements(bytes: Uint8Array): number {
  let count = 0;
  for (let i = bytes.indexOf(0xef); i >= 0; i = bytes.indexOf(0xef, i + 1)) {
    if (bytes[i + 1] === 0xbf && bytes[i + 2] === 0xbd) count++;
  }
  return count;
}

/** Throws DataError when `bytes` hold a NUL, which text never does: binary data, or text in UTF-16. */
export function refuseBinary(bytes: Uint8Array, name: string): void {
  if (!bytes.includes(0)) return;
  throw new DataError(
    `Cannot read ${printable(name)}: it is binary, not text`,
    "Give a folder of reviews, a .tar.gz of one, or a CSV, TSV or JSONL file in UTF-8.",
  );
}
