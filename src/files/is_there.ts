import { fileError } from "./file_error.ts";

/**
 * Whether there is anything at `path`, a link that leads nowhere included. Throws DataError where that cannot be told: a
 * fault of the disk must not pass for absence.
 */
export async function isThere(path: string): Promise<boolean> {
  return await found(path, "Cannot read", Deno.lstat(path)) !== undefined;
}

/** What is at `path`, links followed; undefined when there is nothing. Throws DataError where that cannot be told. */
export function fileInfo(path: string, action = "Cannot read"): Promise<Deno.FileInfo | undefined> {
  return found(path, action, Deno.stat(path));
}

async function found(path: string, action: string, info: Promise<Deno.FileInfo>): Promise<Deno.FileInfo | undefined> {
  try {
    return await info;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw fileError(action, path, error);
  }
}
