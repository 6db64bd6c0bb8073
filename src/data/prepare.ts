import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError, EpsilonError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { fileError } from "../files/file_error.ts";
import { cacheFolder } from "../files/folders.ts";
import { printable } from "../files/printable.ts";
import type { TokenizedDataset } from "./dataset.ts";
import { fingerprint } from "./fingerprint.ts";
import { decodePrepared, encodePrepared, PREPARED_VERSION, type PreparedData } from "./prepared_file.ts";
import { emptyReport, type Review, type ReviewSplit } from "./review.ts";
import { readSample, SAMPLE_NAME } from "./sample.ts";
import { readReviews } from "./sources.ts";
import { tokenizeReviews } from "./tokenize_reviews.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

export interface PrepareOptions {
  /** Folder, archive or table (see `readReviews`); without it the built-in sample, which has no test split. */
  readonly path?: string;
  /** Default `train`. */
  readonly split?: ReviewSplit;
  readonly textColumn?: string;
  readonly labelColumn?: string;
  /** `vocab.txt` or `tokenizer.json`; by default the built-in vocabulary of uncased BERT. */
  readonly vocabularyPath?: string;
  /** Threads that tokenize; default the number of cores. */
  readonly threads?: number;
  /** Folder of prepared data; default `prepared` in the user's cache. Made when missing. */
  readonly cacheFolder?: string;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/** How far the preparation is; `done` of `total` in bytes of a file or files of a folder. */
export interface PrepareProgress {
  /** `check` reads the source to see whether it was prepared before, `tokenize` prepares it. */
  readonly phase: "check" | "tokenize";
  readonly done: number;
  readonly total: number;
}

/** What was prepared, and what the user should hear about it. */
export interface PrepareReport {
  /** The path as given (made safe to show), or "built-in sample". */
  readonly source: string;
  readonly reviews: number;
  readonly negative: number;
  readonly positive: number;
  /** Tokens of all reviews, `[CLS]` and `[SEP]` included. */
  readonly tokens: number;
  /** Reviews without any token but `[CLS]` and `[SEP]`. */
  readonly empty: number;
  /** Places that were not UTF-8 and became U+FFFD. */
  readonly replaced: number;
  /** `hit`: taken from the cache; `written`: prepared and kept; `none`: prepared, not kept. */
  readonly cache: "hit" | "written" | "none";
  /** The file in the cache, where there is one. */
  readonly cacheFile?: string;
  /** Whole sentences: replaced bytes, a damaged cache that was rebuilt, a cache that cannot be written. */
  readonly warnings: readonly string[];
}

/**
 * Reviews ready for training: read, tokenized on all cores, and kept in a cache, so that the next time costs only
 * the reading of the source's bytes. The cache is found by those bytes and the vocabulary's hash; a damaged file is
 * rebuilt, an unwritable folder is a warning, and several processes may prepare the same data at once.
 *
 * @throws DataError for data that cannot be read or hold one class only (see `readReviews`, `loadTokenizer`).
 */
export async function prepareDataset(
  options: PrepareOptions = {},
): Promise<{ readonly dataset: TokenizedDataset; readonly report: PrepareReport }> {
  const tokenizer = await loadTokenizer(options.vocabularyPath);
  const source = options.path === undefined ? SAMPLE_NAME : printable(options.path);
  const warnings: string[] = [];
  const { prepared, cache, cacheFile } = options.path === undefined
    ? { prepared: await prepareSample(options, tokenizer), cache: "none" as const, cacheFile: undefined }
    : await prepareCached(options.path, options, tokenizer, warnings);
  if (prepared.replaced > 0) {
    warnings.push(`Replaced ${prepared.replaced} places in ${source} that are not UTF-8 by U+FFFD`);
  }
  const report = { ...countReviews(prepared.dataset), source, replaced: prepared.replaced, cache, cacheFile, warnings };
  refuseOneClass(report);
  return { dataset: prepared.dataset, report };
}

function prepareSample(options: PrepareOptions, tokenizer: Tokenizer): Promise<PreparedData> {
  if (options.split === "test") {
    throw new DataError(
      `Cannot read the test split of the ${SAMPLE_NAME}: it has none`,
      "Give reviews with a test split; epsilon data fetch downloads the Large Movie Review Dataset.",
    );
  }
  const read = emptyReport();
  return tokenize(readSample(read), read, options, tokenizer);
}

type Cached = {
  readonly prepared: PreparedData;
  readonly cache: PrepareReport["cache"];
  readonly cacheFile: string | undefined;
};

async function prepareCached(
  path: string,
  options: PrepareOptions,
  tokenizer: Tokenizer,
  warnings: string[],
): Promise<Cached> {
  const key = await cacheKey(path, options, tokenizer);
  const cacheFile = cachePath(key, options, warnings);
  const kept = cacheFile === undefined ? undefined : await readCache(cacheFile, key, warnings);
  if (kept !== undefined) return { prepared: kept, cache: "hit", cacheFile };
  const read = emptyReport();
  const { split, textColumn, labelColumn } = options;
  const reviews = readReviews(path, { split, textColumn, labelColumn, report: read });
  const prepared = await tokenize(reviews, read, options, tokenizer);
  const written = cacheFile !== undefined && await writeCache(cacheFile, prepared, key, warnings);
  return { prepared, cache: written ? "written" : "none", cacheFile: written ? cacheFile : undefined };
}

async function tokenize(
  reviews: AsyncIterable<Review>,
  read: ReturnType<typeof emptyReport>,
  { threads = navigator.hardwareConcurrency, onProgress }: PrepareOptions,
  tokenizer: Tokenizer,
): Promise<PreparedData> {
  const onRequest = () => onProgress?.({ phase: "tokenize", done: read.done, total: read.total });
  const dataset = await tokenizeReviews(reviews, tokenizer, { report: read, threads, onRequest });
  return { dataset, replaced: read.replaced };
}

async function cacheKey(path: string, options: PrepareOptions, tokenizer: Tokenizer): Promise<string> {
  const { split = "train", textColumn = null, labelColumn = null, onProgress } = options;
  const print = await fingerprint(path, split, (done, total) => onProgress?.({ phase: "check", done, total }));
  // The vocabulary's hash covers its entries, not how a tokenizer.json cuts words; so its whole content counts as well.
  const tokenization = tokenizer.vocabulary.kind === "json" ? tokenizer.vocabulary.json : "wordpiece";
  const parts = [PREPARED_VERSION, print, split, textColumn, labelColumn, tokenizer.vocabularyHash, tokenization];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function cachePath(key: string, options: PrepareOptions, warnings: string[]): string | undefined {
  try {
    return join(options.cacheFolder ?? join(cacheFolder(), "prepared"), `${key}.tokens`);
  } catch (error) {
    warnings.push(`Prepared data are not kept. ${explain(error)}`);
    return undefined;
  }
}

async function readCache(file: string, key: string, warnings: string[]): Promise<PreparedData | undefined> {
  try {
    return decodePrepared(await Deno.readFile(file), key);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    warnings.push(`Prepared the data anew. ${explain(fileError("Cannot read", file, error))}`);
    return undefined;
  }
}

async function writeCache(file: string, prepared: PreparedData, key: string, warnings: string[]): Promise<boolean> {
  try {
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await writeFileAtomically(file, encodePrepared(prepared, key));
    return true;
  } catch (error) {
    warnings.push(`Prepared data are not kept. ${explain(fileError("Cannot write", file, error))}`);
    return false;
  }
}

function explain(error: unknown): string {
  return error instanceof EpsilonError ? `${error.message}. ${error.hint}` : String(error);
}

function countReviews({ labels, offsets, tokens }: TokenizedDataset) {
  const positive = labels.reduce((sum, label) => sum + label, 0);
  let empty = 0;
  for (let r = 0; r < labels.length; r++) if (offsets[r + 1] - offsets[r] <= 2) empty++;
  return { reviews: labels.length, negative: labels.length - positive, positive, tokens: tokens.length, empty };
}

function refuseOneClass({ source, negative, positive }: PrepareReport): void {
  if (negative > 0 && positive > 0) return;
  throw new DataError(
    `Cannot use ${source}: ${negative} negative and ${positive} positive reviews, both classes wanted`,
    "Give reviews of both classes, or name another column with --label-column.",
  );
}
