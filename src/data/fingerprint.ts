import { createHash } from "node:crypto";
import { extname } from "node:path";
import { fileError } from "../files/file_error.ts";
import { readBytes } from "./byte_streams.ts";
import { listReviewFiles, readReviewFiles } from "./folder_reviews.ts";
import type { ReviewSplit } from "./review.ts";

/** Told how far a long task is: `done` of `total`. */
export type OnProgress = (done: number, total: number) => void;

/**
 * SHA-256 (hex) of everything in `path` that decides which reviews are read: a file's bytes and the ending of its name,
 * or names and bytes of the split's files in a folder. Found without decoding or tokenizing anything.
 * Throws DataError when something cannot be read.
 */
export async function fingerprint(path: string, split: ReviewSplit, onProgress: OnProgress): Promise<string> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
  return info.isDirectory ? await ofFolder(path, split, onProgress) : await ofFile(path, info.size, onProgress);
}

async function ofFile(path: string, size: number, onProgress: OnProgress): Promise<string> {
  const hash = createHash("sha256").update(`file\n${extname(path).toLowerCase()}\n`);
  for await (const piece of readBytes(path, (done) => onProgress(done, size))) hash.update(piece);
  return hash.digest("hex");
}

const FILES_A_REPORT = 256;

async function ofFolder(folder: string, split: ReviewSplit, onProgress: OnProgress): Promise<string> {
  const files = await listReviewFiles(folder, split);
  const hash = createHash("sha256").update("folder\n");
  let done = 0;
  for await (const { file, bytes } of readReviewFiles(files)) {
    hash.update(`${file.name}\n${bytes.length}\n`).update(bytes);
    if (++done % FILES_A_REPORT === 0) onProgress(done, files.length);
  }
  return hash.digest("hex");
}
