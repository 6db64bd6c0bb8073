import { join } from "node:path";
import type { TokenizedDataset } from "../data/dataset.ts";
import { prepareDataset, type PrepareProgress, type PrepareReport } from "../data/prepare.ts";
import type { ReviewSplit } from "../data/review.ts";
import { DataError } from "../errors.ts";
import { dataFolder } from "../files/folders.ts";
import { fileInfo } from "../files/is_there.ts";
import type { RunRecord } from "../metrics/run_json.ts";
import { kebabCase } from "../model/key_name.ts";
import { isGiven, type Origin } from "./configuration.ts";
import type { Values } from "./option.ts";
import type { DATA_OPTIONS, DEVICE_OPTIONS } from "./options.ts";
import type { Terminal } from "./output.ts";
import type { Progress } from "./progress.ts";

/** Where `epsilon data fetch` puts the Large Movie Review Dataset. Throws DataError when no home folder is known. */
export function fetchedArchive(): string {
  return join(dataFolder(), "aclImdb_v1.tar.gz");
}

/** The data options, `data` undefined for the built-in sample. */
export type DataValues = Values<typeof DATA_OPTIONS>;

/** The data options of a new run: without `--data` the fetched archive where it is there, else the sample. */
export async function chooseData(values: DataValues): Promise<DataValues> {
  const { data = await existingArchive(), textColumn, labelColumn, vocabulary } = values;
  return { data, textColumn, labelColumn, vocabulary };
}

/** The data options and where each came from. */
export interface DataChoice {
  readonly values: DataValues;
  readonly origins: { readonly [Key in keyof DataValues]: Origin };
}

/** Data options that were not given in this call are those of the run that `record` describes. */
export function recordedData({ values, origins }: DataChoice, { configuration }: RunRecord): DataValues {
  const choose = (key: keyof DataValues): string | undefined => {
    const recorded = configuration[kebabCase(key)];
    if (recorded === undefined || isGiven(origins[key])) return values[key];
    return typeof recorded.value === "string" ? recorded.value : undefined;
  };
  return {
    data: choose("data"),
    textColumn: choose("textColumn"),
    labelColumn: choose("labelColumn"),
    vocabulary: choose("vocabulary"),
  };
}

export interface LoadReviewsOptions {
  readonly data: DataValues;
  readonly threads: Values<typeof DEVICE_OPTIONS>["threads"];
  readonly split: ReviewSplit;
  readonly progress: Progress;
  readonly terminal: Terminal;
}

/** Throws DataError, beginning with `refusal`, when `dataset` is not what the run that `record` describes learned from. */
export function requireSameData(dataset: TokenizedDataset, record: RunRecord, refusal: string): void {
  if (dataset.vocabularyHash !== record.vocabularySha256) {
    throw new DataError(
      `${refusal} with another vocabulary: SHA-256 ${dataset.vocabularyHash}, trained with ${record.vocabularySha256}`,
      "Give the run's vocabulary with --vocabulary.",
    );
  }
  if (dataset.dataHash !== record.dataSha256) {
    throw new DataError(
      `${refusal} on other data: SHA-256 ${dataset.dataHash}, trained on ${record.dataSha256}`,
      "Give the run's data with --data.",
    );
  }
}

/** Reads and tokenizes reviews, showing progress and warnings. Throws DataError when they cannot be used. */
export async function loadReviews(options: LoadReviewsOptions): Promise<TokenizedDataset> {
  return (await prepareReviews(options)).dataset;
}

/** As `loadReviews`, with the report of what was met. */
export async function prepareReviews(
  options: LoadReviewsOptions,
): Promise<{ readonly dataset: TokenizedDataset; readonly report: PrepareReport }> {
  const { data, threads, split, progress, terminal } = options;
  progress.begin();
  const prepared = await prepareDataset({
    split,
    ...data.data === undefined ? {} : { path: data.data },
    ...data.textColumn === undefined ? {} : { textColumn: data.textColumn },
    ...data.labelColumn === undefined ? {} : { labelColumn: data.labelColumn },
    ...data.vocabulary === undefined ? {} : { vocabularyPath: data.vocabulary },
    ...threads === 0 ? {} : { threads },
    onProgress: (state) => progress.update({ label: LABELS[state.phase], done: state.done, total: state.total }),
  });
  progress.clear();
  const { report } = prepared;
  for (const warning of report.warnings) terminal.warn(warning);
  if (data.data === undefined) {
    terminal.say(
      `Using the built-in sample of ${report.reviews} reviews. For the Large Movie Review Dataset run: epsilon data fetch`,
    );
  }
  return prepared;
}

const LABELS: Readonly<Record<PrepareProgress["phase"], string>> = {
  check: "reading the reviews",
  tokenize: "tokenizing",
};

async function existingArchive(): Promise<string | undefined> {
  let path: string;
  try {
    path = fetchedArchive();
  } catch {
    return undefined; // without a home folder nothing can have been fetched
  }
  return (await fileInfo(path))?.isFile ? path : undefined;
}
