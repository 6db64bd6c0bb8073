import { dirname } from "node:path";
import { fetchArchive, type FetchTarget, LARGE_MOVIE_REVIEWS } from "../data/fetch.ts";
import { UsageError } from "../errors.ts";
import type { FetchContext } from "./data.ts";
import { formatTable } from "./format.ts";
import { Interruption } from "./interruption.ts";
import { jsonDocument } from "./output.ts";
import { Progress } from "./progress.ts";
import { fetchedArchive } from "./reviews.ts";

/** The body of `epsilon data fetch`. */
export async function fetchReviews({ values, terminal }: FetchContext): Promise<number> {
  const target = fetchTarget(values);
  const destination = values.out ?? fetchedArchive();
  const progress = new Progress(values.progress);
  using interruption = new Interruption(() => {});
  progress.begin();
  try {
    const fetched = await fetchArchive({
      ...target,
      destination,
      signal: interruption.signal,
      onProgress: (done, total) =>
        progress.update({
          label: "downloading",
          done,
          count: { value: done, unit: "B" },
          ...total === undefined ? {} : { total },
        }),
    });
    progress.clear();
    const { bytes, resumedFrom, present } = fetched;
    const result = { file: destination, bytes, resumed_from: resumedFrom, was_there: present };
    const rows = [
      ["file", destination],
      ["bytes", String(bytes)],
      ["downloaded", present ? "no, it was there" : resumedFrom > 0 ? `from byte ${resumedFrom} on` : "all"],
    ] as const;
    await terminal.write(values.json ? jsonDocument(result) : formatTable(rows));
    return 0;
  } catch (error) {
    progress.clear();
    const { exitCode } = interruption;
    if (exitCode === undefined || !interruption.signal.aborted) throw error;
    terminal.say(`Stopped: what has arrived is kept in ${dirname(destination)}; run the command again to go on`);
    return exitCode;
  }
}

/** What to download; throws UsageError when the options do not fit together. */
function fetchTarget({ url, sha256, out }: FetchContext["values"]): FetchTarget {
  if (url !== undefined && !/^https?:\/\//i.test(url)) {
    throw new UsageError(`Cannot use --url: "${url}"`, "Give an address that begins with https:// or http://.");
  }
  if (sha256 === undefined) return { ...LARGE_MOVIE_REVIEWS, ...url === undefined ? {} : { url } };
  if (!/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new UsageError(`Cannot use --sha256: "${sha256}"`, "Give 64 hexadecimal digits.");
  }
  if (url === undefined || out === undefined) {
    throw new UsageError(
      "Cannot use --sha256: it stands for another archive, whose place and name are not given",
      "Give --url and --out as well.",
    );
  }
  return { url, checksum: { algorithm: "sha256", hex: sha256.toLowerCase() } };
}
