import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { DataError } from "../errors.ts";
import { syncFolder } from "../files/atomic.ts";
import { fileInfo } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";
import { readBytes } from "./byte_streams.ts";
import { PartialFile } from "./partial_file.ts";
import { RangeRefused, requestRest, type Transfer, TransferCut } from "./transfer.ts";

/** What the wanted file must be. */
export interface FetchTarget {
  readonly url: string;
  /** Length in bytes, where it is known. */
  readonly size?: number;
  /** Checksum in lower-case hex, where one is known. */
  readonly checksum?: { readonly algorithm: "md5" | "sha256"; readonly hex: string };
}

/** The Large Movie Review Dataset v1.0 as its authors publish it; they give an MD5 sum and no SHA-256. */
export const LARGE_MOVIE_REVIEWS: FetchTarget = {
  url: "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
  size: 84_125_825,
  checksum: { algorithm: "md5", hex: "7c2ac02c03563afcf9b574c7e56c153a" },
};

export interface FetchOptions extends FetchTarget {
  /** File to write; missing parent folders are made. */
  readonly destination: string;
  /** `done` of `total` bytes; `total` is undefined where the server does not tell. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Stops the transfer; what has arrived is kept for the next time. */
  readonly signal?: AbortSignal;
  /** Tries without a single new byte before giving up; default 5. */
  readonly attempts?: number;
  /** Milliseconds before try `n` (from 1) after a failure; default 1, 2, 4 … seconds. */
  readonly backoff?: (n: number) => number;
  /** Milliseconds without a byte after which a transfer counts as cut; default a minute. */
  readonly patience?: number;
}

export interface FetchResult {
  readonly bytes: number;
  /** Bytes that were there from an earlier, interrupted transfer. */
  readonly resumedFrom: number;
  /** True when the file was there already with the right checksum and nothing was fetched. */
  readonly present: boolean;
}

/**
 * Downloads a file: into `DESTINATION.partial`, from where an interrupted transfer goes on (Range and If-Range), with
 * retries; then size and checksum are compared, the file is flushed and renamed. An earlier `destination` stays whole
 * until then.
 *
 * @throws DataError when the server cannot be reached or refuses, the content is not the wanted one, the file cannot be
 * written, or another process is fetching it; the signal's reason when it is stopped.
 */
export async function fetchArchive(options: FetchOptions): Promise<FetchResult> {
  const { destination, signal } = options;
  signal?.throwIfAborted();
  const there = await presentSize(options);
  if (there !== undefined) return { bytes: there, resumedFrom: 0, present: true };
  using partial = await PartialFile.open(destination, options.url);
  const resumedFrom = partial.size;
  await transfer(partial, options);
  if (resumedFrom > 0 && await fault(partial.size, partial.bytes(), options) !== undefined) {
    // What was kept may be what is wrong: the server's file may have changed without its validator.
    await partial.startOver(undefined);
    await transfer(partial, options);
  }
  const wrong = await fault(partial.size, partial.bytes(), options);
  if (wrong !== undefined) {
    await partial.discard();
    throw new DataError(
      `Cannot use what ${printable(options.url)} sent: ${wrong}`,
      "Try again; if it stays so, the file on the server has changed or something on the way alters it.",
    );
  }
  const bytes = partial.size;
  await partial.finish();
  await syncFolder(dirname(destination));
  return { bytes, resumedFrom, present: false };
}

/** Size of a `destination` that is there and is the wanted file; without a checksum nothing proves that it is. */
async function presentSize(options: FetchOptions): Promise<number | undefined> {
  const info = await fileInfo(options.destination);
  if (info?.isDirectory) {
    throw new DataError(
      `Cannot write ${printable(options.destination)}: it is a folder`,
      "Give the path of a file.",
    );
  }
  if (info === undefined || options.checksum === undefined) return undefined;
  const wrong = await fault(info.size, readBytes(options.destination), options);
  return wrong === undefined ? info.size : undefined;
}

/** What is wrong with a file of `found` bytes, undefined when it is the wanted one. */
async function fault(
  found: number,
  bytes: AsyncIterable<Uint8Array>,
  { size, checksum }: FetchTarget,
): Promise<string | undefined> {
  if (size !== undefined && found !== size) return `it has ${found} bytes, wanted ${size}`;
  if (checksum === undefined) return undefined;
  const hash = createHash(checksum.algorithm);
  for await (const piece of bytes) hash.update(piece);
  const hex = hash.digest("hex");
  return hex === checksum.hex ? undefined : `its ${checksum.algorithm.toUpperCase()} is ${hex}, wanted ${checksum.hex}`;
}

const ATTEMPTS = 5;
const PATIENCE = 60_000;

async function transfer(partial: PartialFile, options: FetchOptions): Promise<void> {
  const { attempts = ATTEMPTS, backoff = (n: number) => 500 * 2 ** n, signal } = options;
  for (let failures = 0;;) {
    const before = partial.size;
    try {
      await transferOnce(partial, options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TransferCut)) throw error;
      if (error instanceof RangeRefused) await partial.startOver(undefined);
      failures = partial.size > before ? 1 : failures + 1;
      if (failures >= attempts) throw unreachable(options.url, error, partial);
      await pause(backoff(failures), signal);
    }
  }
}

function unreachable(url: string, { message }: TransferCut, partial: PartialFile): DataError {
  return new DataError(
    `Cannot fetch ${printable(url)}: ${message}`,
    partial.size > 0
      ? `Check the network and try again: the ${partial.size} bytes that have arrived are kept.`
      : "Check the network, or fetch the file by other means and give it with --data.",
  );
}

async function transferOnce(partial: PartialFile, options: FetchOptions): Promise<void> {
  const { url, size, signal, patience = PATIENCE, onProgress } = options;
  if (size !== undefined && partial.size === size) return;
  if (size !== undefined && partial.size > size) await partial.startOver(undefined);
  const rest = await requestRest(url, { from: partial.size, validator: partial.validator, signal, patience });
  try {
    if (rest.from !== partial.size || rest.from === 0) await partial.startOver(rest.validator);
    onProgress?.(partial.size, rest.total ?? size);
    for await (const piece of rest.bytes) {
      if (size !== undefined && partial.size + piece.length > size) throw await tooLong(partial, options, rest);
      await partial.append(piece);
      onProgress?.(partial.size, rest.total ?? size);
    }
  } finally {
    await rest.close();
  }
  if (rest.total !== undefined && partial.size < rest.total) {
    throw new TransferCut(`the connection was cut after ${partial.size} of ${rest.total} bytes`);
  }
}

async function tooLong(partial: PartialFile, { url, size }: FetchTarget, { total }: Transfer): Promise<DataError> {
  await partial.discard();
  return new DataError(
    `Cannot use what ${printable(url)} sends: it has ${total ?? "more"} bytes, wanted ${size}`,
    "Try again; if it stays so, the file on the server has changed or something on the way alters it.",
  );
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
