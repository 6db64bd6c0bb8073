import { basename, dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import { fileError } from "./file_error.ts";
import { fileInfo } from "./is_there.ts";
import { printable } from "./printable.ts";

/** What a file is made of: its text, its bytes, or its bytes piece by piece. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes `path` as a whole or not at all: a temporary file in the same folder is written, flushed to the disk and
 * renamed, then the folder is flushed. On failure the temporary file is removed and an earlier `path` stays whole.
 * Missing parent folders are not made.
 *
 * @throws DataError when the file cannot be written (no space, read-only, no permission, a folder or device of that name);
 * whatever `content` throws while it is read passes through.
 */
export async function writeFileAtomically(path: string, content: FileContent): Promise<void> {
  await refuseOtherKinds(path);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path).slice(0, 100)}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(temporary, { write: true, createNew: true });
  } catch (error) {
    throw fileError("Cannot write", path, error);
  }
  let renamed = false;
  try {
    try {
      await writePieces(file, path, pieces(content));
      await guarded(path, file.sync());
    } finally {
      file.close();
    }
    await guarded(path, Deno.rename(temporary, path));
    renamed = true;
  } finally {
    if (!renamed) await Deno.remove(temporary).catch(() => {});
  }
  await syncFolder(folder);
}

/** Flushes the entries of `folder` to the disk; does nothing where the system cannot open folders (Windows). */
export async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder, { read: true });
    await handle.sync();
  } catch {
    // The data are flushed and renamed; a system that cannot flush a folder offers nothing better.
  }
}

/** Renaming onto a device or pipe (`/dev/null`) would put a file in its place. */
async function refuseOtherKinds(path: string): Promise<void> {
  const there = await fileInfo(path, "Cannot write");
  if (there === undefined || there.isFile) return;
  const kind = there.isDirectory ? "a folder" : "a device or pipe";
  throw new DataError(`Cannot write ${printable(path)}: it is ${kind}`, "Give the path of a file.");
}

function pieces(content: FileContent): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === "string") return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
}

async function writePieces(
  file: Deno.FsFile,
  path: string,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const piece of content) {
    for (let written = 0; written < piece.length;) {
      written += await guarded(path, file.write(piece.subarray(written)));
    }
  }
}

async function guarded<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw fileError("Cannot write", path, error);
  }
}
