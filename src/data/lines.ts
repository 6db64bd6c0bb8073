import { DataError } from "../errors.ts";

/** A line without its end. */
export interface Line {
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly line: number;
}

const LONGEST_LINE = 32 * 1024 * 1024;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Cuts a stream at `\n`, in bounded memory; a byte order mark at its start is dropped, a `\r` before `\n` stays.
 * Throws DataError for a line above 32 MiB; what `source` throws passes through.
 */
export async function* readLines(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  let kept: Uint8Array[] = [];
  let length = 0;
  let line = 1;
  const finish = (): Line => {
    const joined = new Uint8Array(length);
    let place = 0;
    for (const piece of kept) {
      joined.set(piece, place);
      place += piece.length;
    }
    kept = [];
    length = 0;
    const marked = line === 1 && BYTE_ORDER_MARK.every((byte, i) => joined[i] === byte);
    return { bytes: marked ? joined.subarray(BYTE_ORDER_MARK.length) : joined, line: line++ };
  };
  for await (const piece of source) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      kept.push(piece.subarray(start, end));
      length += end - start;
      yield finish();
      start = end + 1;
    }
    kept.push(piece.subarray(start));
    length += piece.length - start;
    if (length > LONGEST_LINE) {
      throw new DataError(
        `Cannot read ${name}, line ${line}: it is longer than 32 MiB`,
        "Give one JSON object a line.",
      );
    }
  }
  if (length > 0) yield finish();
}
