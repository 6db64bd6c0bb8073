import { printable } from "../files/printable.ts";
import { readTar } from "../libraries/archive.ts";
import { layoutPlace, missingSplit } from "./movie_layout.ts";
import { LARGEST_REVIEW, type ReadReport, type Review, type ReviewSplit } from "./review.ts";
import { decodeUtf8, refuseBinary } from "./utf8.ts";

/** Bytes of a tar archive that tell it from others: `ustar` in its first header. */
export const TAR_HEAD = 262;

/** Whether bytes that begin with `head` (at least `TAR_HEAD` of them) are a tar archive. */
export function isTar(head: Uint8Array): boolean {
  return head.length >= TAR_HEAD && new TextDecoder().decode(head.subarray(257, TAR_HEAD)) === "ustar";
}

/**
 * The reviews of split `split` of an unpacked tar stream, in the order of the archive: the caller sorts them by name,
 * so that an archive need not fit in memory. Entries that are no files, hidden files and other folders are passed over.
 *
 * @throws DataError when the archive is truncated or broken, a review is binary or above 16 MiB, or none is found.
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array>,
  path: string,
  split: ReviewSplit,
  report: ReadReport,
): AsyncGenerator<Review> {
  report.kind = "archive";
  for await (const entry of readTar(source, path)) {
    const place = layoutPlace(entry.name);
    if (!entry.isFile || place?.split !== split) continue;
    const bytes = await entry.bytes(LARGEST_REVIEW);
    refuseBinary(bytes, `${entry.name} in ${path}`);
    const { text, replaced } = decodeUtf8(bytes);
    report.reviews++;
    report.replaced += replaced;
    yield { text, label: place.label, name: printable(place.name) };
  }
  if (report.reviews === 0) throw missingSplit(path, split);
}
