import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError, EpsilonError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";

const PIECE = 256 * 1024;

/** The bytes of file `path`, piece by piece; `onBytes` is told the bytes read so far. Throws DataError. */
export async function* readBytes(path: string, onBytes: (done: number) => void = () => {}): AsyncGenerator<Uint8Array> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
  try {
    let done = 0;
    for (;;) {
      const piece = new Uint8Array(PIECE);
      const count = await file.read(piece).catch((error) => {
        throw fileError("Cannot read", path, error);
      });
      if (count === null) return;
      done += count;
      onBytes(done);
      yield piece.subarray(0, count);
    }
  } finally {
    file.close();
  }
}

/** A stream whose first bytes are known; reading `bytes` gives all of them. */
export interface PeekedBytes {
  /** As many first bytes as asked for; fewer only where the stream is shorter. */
  readonly head: Uint8Array;
  readonly bytes: AsyncGenerator<Uint8Array>;
}

/** Looks at the first `count` bytes of `source` without losing them. */
export async function peekBytes(source: AsyncGenerator<Uint8Array>, count: number): Promise<PeekedBytes> {
  let head = new Uint8Array(0);
  while (head.length < count) {
    const { done, value } = await source.next();
    if (done) break;
    const joined = new Uint8Array(head.length + value.length);
    joined.set(head);
    joined.set(value, head.length);
    head = joined;
  }
  const bytes = async function* () {
    try {
      if (head.length > 0) yield head;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  };
  return { head: head.subarray(0, count), bytes: bytes() };
}

/** Whether a file that begins with `head` is gzip-compressed. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** Text compresses to a third, repeated templates to a fiftieth; gzip itself reaches a thousandth. */
const LARGEST_EXPANSION = 200;
const ALWAYS_ALLOWED = 64 * 1024 * 1024;

/**
 * Unpacks gzip, also of several members, in bounded memory.
 *
 * @throws DataError when it is truncated, broken, or expands more than 200-fold (a bomb); EpsilonErrors of `source` pass
 * through.
 */
export async function* gunzip(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let packed = 0;
  const counted = async function* () {
    for await (const piece of source) {
      packed += piece.length;
      yield piece;
    }
  };
  const input = Readable.from(counted());
  const unzip = createGunzip({ chunkSize: PIECE });
  // `pipe` passes no errors on, and an unpacker that waits for a broken source would wait forever.
  input.on("error", (error) => unzip.destroy(error));
  input.pipe(unzip);
  let unpacked = 0;
  try {
    for await (const piece of unzip as AsyncIterable<Uint8Array>) {
      unpacked += piece.length;
      if (unpacked > ALWAYS_ALLOWED && unpacked > LARGEST_EXPANSION * packed) throw bomb(name);
      yield piece;
    }
  } catch (error) {
    throw error instanceof EpsilonError ? error : brokenGzip(name, error);
  } finally {
    input.destroy();
    unzip.destroy();
  }
}

function bomb(name: string): DataError {
  return new DataError(
    `Cannot unpack ${printable(name)}: it expands more than ${LARGEST_EXPANSION}-fold`,
    "Unpack it yourself if you trust it, and give the folder.",
  );
}

function brokenGzip(name: string, error: unknown): DataError {
  const message = error instanceof Error ? error.message : "unknown fault";
  const cause = message === "unexpected end of file" ? "it is truncated" : `the gzip data are broken (${message})`;
  return new DataError(`Cannot unpack ${printable(name)}: ${cause}`, "Fetch or copy it again.", { cause: error });
}
