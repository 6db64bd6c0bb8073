import type { TokenizedDataset } from "../data/dataset.ts";
import type { PrepareReport } from "../data/prepare.ts";
import type { ReviewsContext } from "./data.ts";
import { formatTable } from "./format.ts";
import { jsonDocument } from "./output.ts";
import { Progress } from "./progress.ts";
import { chooseData, prepareReviews } from "./reviews.ts";

/** The body of `epsilon data prepare`. */
export async function prepareData(context: ReviewsContext): Promise<number> {
  const { report } = await prepare(context);
  const { source, reviews, tokens, cache, cacheFile } = report;
  return await print(context, {
    source,
    reviews,
    tokens,
    cache: CACHE_WORDS[cache],
    cache_file: cacheFile ?? null,
  });
}

const CACHE_WORDS: Readonly<Record<PrepareReport["cache"], string>> = {
  hit: "prepared before",
  written: "prepared now",
  none: "not kept",
};

/** The body of `epsilon data info`. */
export async function describeData(context: ReviewsContext): Promise<number> {
  const { dataset, report } = await prepare(context);
  const lengths = tokenCounts(dataset);
  return await print(context, {
    source: report.source,
    reviews: report.reviews,
    negative: report.negative,
    positive: report.positive,
    without_tokens: report.empty,
    not_utf8: report.replaced,
    tokens: report.tokens,
    tokens_mean: report.tokens / report.reviews,
    tokens_median: quantile(lengths, 0.5),
    tokens_p90: quantile(lengths, 0.9),
    tokens_longest: quantile(lengths, 1),
    data_sha256: dataset.dataHash,
    vocabulary_size: dataset.vocabularySize,
    vocabulary_sha256: dataset.vocabularyHash,
    cache_file: report.cacheFile ?? null,
  });
}

async function prepare({ values, terminal }: ReviewsContext) {
  const { threads, split } = values;
  const progress = new Progress(values.progress);
  try {
    return await prepareReviews({ data: await chooseData(values), threads, split, progress, terminal });
  } finally {
    progress.clear();
  }
}

async function print(
  { values, terminal }: ReviewsContext,
  result: Readonly<Record<string, string | number | null>>,
): Promise<number> {
  await terminal.write(values.json ? jsonDocument(result) : formatTable(Object.entries(result).map(shown)));
  return 0;
}

function shown([name, value]: readonly [string, string | number | null]): readonly [string, string] {
  const text = typeof value === "number" ? String(Math.round(value * 100) / 100) : value ?? "-";
  return [name.replaceAll("_", " "), text];
}

/** Tokens of each review, `[CLS]` and `[SEP]` included, the shortest first. */
function tokenCounts({ offsets }: TokenizedDataset): Uint32Array {
  return Uint32Array.from({ length: offsets.length - 1 }, (_, r) => offsets[r + 1] - offsets[r]).sort();
}

/** The smallest value that a share of at least `p` of the sorted `values` does not exceed. */
function quantile(values: Uint32Array, p: number): number {
  return values[Math.max(0, Math.ceil(p * values.length) - 1)];
}
