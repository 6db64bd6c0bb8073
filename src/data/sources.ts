import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { isTar, readArchive } from "./archive_reviews.ts";
import { gunzip, isGzip, peekBytes, readBytes } from "./byte_streams.ts";
import { readFolder } from "./folder_reviews.ts";
import { emptyReport, type ReadOptions, type ReadReport, type Review, type ReviewSplit } from "./review.ts";
import { readTable, tableKind } from "./table_reviews.ts";
import { refuseBinary } from "./utf8.ts";

/**
 * Reads labelled reviews, in bounded memory, from a folder in the Large Movie Review layout (`train/pos/*.txt` …,
 * `aclImdb/` above it or not), a tar archive of one, or a CSV, TSV or JSONL file; archives and tables may be
 * gzip-compressed, and nothing is unpacked to disk. A folder is read in the order of names, an archive and a table in
 * their own order; names are the same for a folder and its archive. `options.report` is filled on the way.
 *
 * @throws DataError for whatever is missing, unreadable or broken, with file and line.
 */
export async function* readReviews(path: string, options: ReadOptions = {}): AsyncGenerator<Review> {
  const report = options.report ?? emptyReport();
  const split = options.split ?? "train";
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
  if (info.isDirectory) {
    yield* readFolder(path, split, report);
    return;
  }
  report.total = info.size;
  yield* readFile(path, { ...options, split }, report);
}

const HEAD = 64 * 1024;

async function* readFile(
  path: string,
  options: ReadOptions & { readonly split: ReviewSplit },
  report: ReadReport,
): AsyncGenerator<Review> {
  const file = readBytes(path, (done) => report.done = done);
  const raw = await peekBytes(file, 2);
  const unpacked = isGzip(raw.head) ? gunzip(raw.bytes, path) : raw.bytes;
  try {
    const { head, bytes } = await peekBytes(unpacked, HEAD);
    if (isTar(head)) {
      yield* readArchive(bytes, path, options.split, report);
      return;
    }
    refuseNoTable(path, head, options.split);
    yield* readTable(bytes, path, tableKind(path, head), options, report);
  } finally {
    await unpacked.return(undefined);
    await file.return(undefined);
  }
}

function refuseNoTable(path: string, head: Uint8Array, split: ReviewSplit): void {
  if (head.length === 0) {
    throw new DataError(`Cannot read ${printable(path)}: it is empty`, "Give a file with one review a record.");
  }
  refuseBinary(head, path);
  if (split === "test") {
    throw new DataError(
      `Cannot read the test split of ${printable(path)}: a table has no splits`,
      "Use the whole table, or give a folder or archive with test/neg and test/pos.",
    );
  }
}
