import { join } from "node:path";
import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { CLASS_FOLDERS, type LayoutPlace, layoutPlace, missingSplit, TOP_FOLDER } from "./movie_layout.ts";
import { LARGEST_REVIEW, type ReadReport, type Review, type ReviewSplit } from "./review.ts";
import { decodeUtf8, refuseBinary } from "./utf8.ts";

/** A review in its own file, not yet read. */
export interface ReviewFile extends LayoutPlace {
  readonly path: string;
}

/**
 * The files of `split` below `folder` in the Large Movie Review layout, `aclImdb/` above it or not, by name.
 * Throws DataError when a folder cannot be read or the split has none.
 */
export async function listReviewFiles(folder: string, split: ReviewSplit): Promise<ReviewFile[]> {
  const root = await isFolder(join(folder, TOP_FOLDER)) ? join(folder, TOP_FOLDER) : folder;
  const files: ReviewFile[] = [];
  for (const [className] of CLASS_FOLDERS) {
    const classFolder = join(root, split, className);
    if (!await isFolder(classFolder)) throw missingSplit(folder, split);
    for (const name of await fileNames(classFolder)) {
      const place = layoutPlace(`${split}/${className}/${name}`);
      if (place !== undefined) files.push({ ...place, path: join(classFolder, name) });
    }
  }
  if (files.length === 0) throw missingSplit(folder, split);
  return files.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw fileError("Cannot read", path, error);
  }
}

async function fileNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile || entry.isSymlink) names.push(entry.name);
    }
  } catch (error) {
    throw fileError("Cannot read", folder, error);
  }
  return names;
}

/** Files read at a time, so that the disk does not wait for the program nor the program for the disk. */
const READ_AHEAD = 32;

/** The bytes of each file, in order. Throws DataError for a file that cannot be read or is larger than 16 MiB. */
export async function* readReviewFiles(
  files: readonly ReviewFile[],
): AsyncGenerator<{ readonly file: ReviewFile; readonly bytes: Uint8Array }> {
  const pending: Promise<Uint8Array>[] = [];
  for (let next = 0, i = 0; i < files.length; i++) {
    for (; next < files.length && next < i + READ_AHEAD; next++) {
      const bytes = readReviewFile(files[next].path);
      // A later file may fail while an earlier one is still waited for: that is no unhandled rejection.
      bytes.catch(() => {});
      pending[next % READ_AHEAD] = bytes;
    }
    yield { file: files[i], bytes: await pending[i % READ_AHEAD] };
  }
}

async function readReviewFile(path: string): Promise<Uint8Array> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new DataError(`Cannot read ${printable(path)}: it is not a file`, "Remove it from the folder.");
    if (size > LARGEST_REVIEW) {
      throw new DataError(
        `Cannot read ${printable(path)}: it has ${size} bytes, at most ${LARGEST_REVIEW} wanted`,
        "Remove it from the folder or shorten it.",
      );
    }
    return await Deno.readFile(path);
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
}

/** The reviews of a folder, sorted by name. Throws DataError as the functions above, and for a binary file. */
export async function* readFolder(folder: string, split: ReviewSplit, report: ReadReport): AsyncGenerator<Review> {
  report.kind = "folder";
  const files = await listReviewFiles(folder, split);
  report.total = files.length;
  for await (const { file, bytes } of readReviewFiles(files)) {
    refuseBinary(bytes, file.path);
    const { text, replaced } = decodeUtf8(bytes);
    report.done++;
    report.reviews++;
    report.replaced += replaced;
    yield { text, label: file.label, name: printable(file.name) };
  }
}
