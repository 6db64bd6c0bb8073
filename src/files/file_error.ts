import { DataError, EpsilonError } from "../errors.ts";
import { printable } from "./printable.ts";

const CAUSES: Readonly<Record<string, readonly [cause: string, hint: string]>> = {
  ENOENT: ["no such file or folder", "Check the path."],
  ENOTDIR: ["a part of the path is not a folder", "Check the path."],
  EISDIR: ["it is a folder", "Give the path of a file."],
  EEXIST: ["it is there already", "Remove it or choose another path."],
  EACCES: ["permission denied", "Change its permissions or choose another path."],
  EPERM: ["permission denied", "Change its permissions or choose another path."],
  EROFS: ["the file system is read-only", "Choose a path on a file system that can be written."],
  ENOSPC: ["no space left on the device", "Free some space or choose a path on another disk."],
  EDQUOT: ["the disk quota is used up", "Free some space or choose a path on another disk."],
  EFBIG: ["the file would become too large for its file system", "Choose a path on another disk."],
  ENAMETOOLONG: ["the name is too long", "Choose a shorter name."],
  ELOOP: ["its symbolic links go in a circle", "Check the path."],
  EMFILE: ["too many files are open", "Raise the limit of open files (ulimit -n)."],
  EIO: ["the device reported a fault", "Check the disk and try again."],
  EBUSY: ["another program is using it", "Close that program and try again."],
};

/** The system's short name of what went wrong (`ENOSPC` …), if `error` carries one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * The DataError for a failed access to `path`. `action` starts the message: "Cannot write".
 * An EpsilonError is returned as it is.
 */
export function fileError(action: string, path: string, error: unknown): EpsilonError {
  if (error instanceof EpsilonError) return error;
  const known = CAUSES[systemCode(error) ?? ""] ?? permissionOf(error);
  const [cause, hint] = known ??
    [error instanceof Error ? printable(error.message) : "unknown fault", "Check the path."];
  return new DataError(`${action} ${printable(path)}: ${cause}`, hint, { cause: error });
}

function permissionOf(error: unknown): readonly [string, string] | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const hint = "Give standard input as - and no device; from a checkout run the program with deno run -A.";
  return ["Deno was not given the permission", hint];
}
