import { createTarDecoder, packTar } from "modern-tar";
import { DataError, EpsilonError } from "../errors.ts";
import { printable } from "../files/printable.ts";

/** One entry of a tar archive; `bytes` must be called, if at all, before the next entry is asked for. */
export interface TarEntry {
  /** Path as the archive gives it: hostile until checked. */
  readonly name: string;
  /** False for folders, links, devices and the like. */
  readonly isFile: boolean;
  /** Bytes of its content as its header says. */
  readonly size: number;
  /** The content; throws DataError when it is larger than `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>;
}

/**
 * Reads a tar archive (ustar, pax, GNU long names) entry by entry in bounded memory; nothing is written to disk.
 *
 * @param name Name of the archive in messages.
 * @throws DataError when the archive is truncated or broken; EpsilonErrors of `source` pass through.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<TarEntry> {
  const decoder = createTarDecoder({ strict: true });
  const reader = ReadableStream.from(source).pipeThrough(decoder).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const { header, body } = value;
      let taken = false;
      yield {
        name: header.name,
        isFile: header.type === "file" || header.type === undefined,
        size: header.size,
        bytes: (limit) => {
          taken = true;
          return collect(body, header, limit, name);
        },
      };
      // Not by cancelling it, which would take the bytes of the next entry from it (modern-tar 0.8.6).
      if (!taken) { for await (const _ of body); }
    }
  } catch (error) {
    throw error instanceof EpsilonError ? error : brokenArchive(name, error);
  } finally {
    // A reader that stops early must not leave the source open; what the cancelled pipe says then is of no interest.
    await reader.cancel().catch(() => {});
  }
}

/** One file of an archive to be written. */
export interface TarFile {
  /** Path below the folder that it is unpacked into, with forward slashes. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly executable?: boolean;
}

/** A tar archive (ustar) of `files` in their order; owners and times are zero, so that the same files give the same bytes. */
export function writeTar(files: readonly TarFile[]): Promise<Uint8Array> {
  return packTar(files.map(({ name, bytes, executable = false }) => ({
    header: {
      name,
      size: bytes.length,
      type: "file",
      mode: executable ? 0o755 : 0o644,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
      uname: "",
      gname: "",
    },
    body: bytes,
  })));
}

async function collect(
  body: ReadableStream<Uint8Array>,
  { name, size }: { readonly name: string; readonly size: number },
  limit: number,
  archive: string,
): Promise<Uint8Array> {
  if (size > limit) {
    throw new DataError(
      `Cannot read ${printable(name)} in ${printable(archive)}: it has ${size} bytes, at most ${limit} wanted`,
      "Remove it from the archive or shorten it.",
    );
  }
  // Grows with what comes: a header may promise more than the archive holds.
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      length += piece.length;
    }
  } catch (error) {
    throw error instanceof EpsilonError ? error : brokenArchive(archive, error);
  }
  const bytes = new Uint8Array(length);
  let place = 0;
  for (const piece of pieces) {
    bytes.set(piece, place);
    place += piece.length;
  }
  return bytes;
}

function brokenArchive(name: string, error: unknown): DataError {
  const message = error instanceof Error ? error.message : "unknown fault";
  const cause = /truncated/i.test(message) ? "it is truncated" : `it is broken (${printable(message)})`;
  return new DataError(`Cannot read the archive ${printable(name)}: ${cause}`, "Fetch or copy it again.", {
    cause: error,
  });
}
