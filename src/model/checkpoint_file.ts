import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { fileInfo } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";
import { type Checkpoint, decodeCheckpoint, type DecodeOptions } from "./checkpoint.ts";

/** Names of a run folder's checkpoints: the best weights, and everything that resuming needs. */
export const CHECKPOINT_NAMES = { best: "best.safetensors", last: "last.safetensors" } as const;

const MOST_BYTES = 2 ** 32;

export interface LoadOptions extends DecodeOptions {
  /** Which checkpoint of a run folder; without it the best, or the last where there is no best. */
  readonly prefer?: keyof typeof CHECKPOINT_NAMES;
}

/** A checkpoint and the file that it came from. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly path: string;
  /** SHA-256 (hex) of the file. */
  readonly sha256: string;
}

/**
 * Reads the checkpoint at `path`: a safetensors file, or a run folder.
 * Throws DataError when it is missing, unreadable, empty of checkpoints or broken.
 */
export async function loadCheckpoint(path: string, options: LoadOptions = {}): Promise<LoadedCheckpoint> {
  const info = await inspect(path);
  if (!info.isDirectory) return await read(path, info, options);
  const names = options.prefer === undefined ? ["best", "last"] as const : [options.prefer];
  for (const name of names) {
    const file = join(path, CHECKPOINT_NAMES[name]);
    const found = await fileInfo(file);
    if (found !== undefined) return await read(file, found, options);
  }
  throw new DataError(
    `Cannot find a checkpoint in ${printable(path)}: no ${names.map((name) => CHECKPOINT_NAMES[name]).join(" or ")}`,
    "Name a run folder whose training has saved a checkpoint, or a .safetensors file.",
  );
}

async function inspect(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    throw fileError("Cannot read", path, cause);
  }
}

async function read(path: string, info: Deno.FileInfo, options: LoadOptions): Promise<LoadedCheckpoint> {
  // Devices and pipes have no size, so that reading them might never end.
  if (!info.isFile || info.size > MOST_BYTES) {
    throw new DataError(
      `Cannot read ${printable(path)}: ${
        info.isFile ? `${info.size} bytes, at most ${MOST_BYTES} are allowed` : "not a file"
      }`,
      "Name a run folder or a .safetensors file.",
    );
  }
  const bytes = await Deno.readFile(path).catch((cause) => {
    throw fileError("Cannot read", path, cause);
  });
  return await loadedCheckpoint(bytes, path, options);
}

/** The checkpoint whose file `path` holds `bytes`. Throws DataError when they are none, or are broken. */
export async function loadedCheckpoint(
  bytes: Uint8Array,
  path: string,
  options: DecodeOptions = {},
): Promise<LoadedCheckpoint> {
  const checkpoint = await decodeCheckpoint(bytes, path, options);
  return { checkpoint, path, sha256: createHash("sha256").update(bytes).digest("hex") };
}
