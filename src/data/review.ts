/** One labelled review as it was found, `<br />` and entities raw. */
export interface Review {
  readonly text: string;
  /** 0 negative, 1 positive. */
  readonly label: 0 | 1;
  /** Where it came from, safe to show: `train/pos/0_9.txt`, `line 12`. */
  readonly name: string;
}

export type ReviewSplit = "train" | "test";

export interface ReadOptions {
  /** Part of a folder or archive to read; default `train`. A table has only that one. */
  readonly split?: ReviewSplit;
  /** Column (CSV, TSV) or key (JSONL) of the text; by default `text`, `review` or `sentence`, in any case. */
  readonly textColumn?: string;
  /** Column or key of the label; by default `label`, `sentiment` or `class`, in any case. */
  readonly labelColumn?: string;
  /** Filled while the reviews are read. */
  readonly report?: ReadReport;
}

/** What was met while reviews were read. */
export interface ReadReport {
  /** How the reviews are stored; known once reading has begun. */
  kind?: "folder" | "archive" | "table";
  reviews: number;
  /** Places where bytes were not UTF-8 and became U+FFFD. */
  replaced: number;
  /** Bytes (files and archives) or files (folders) read so far. */
  done: number;
  /** The same in all. */
  total: number;
}

/** A report in which nothing was met yet. */
export function emptyReport(): ReadReport {
  return { reviews: 0, replaced: 0, done: 0, total: 0 };
}

/** Largest review in bytes: a thousand times the longest of the Large Movie Review Dataset. */
export const LARGEST_REVIEW = 16 * 1024 * 1024;

const LABELS: Readonly<Record<string, 0 | 1>> = { "0": 0, "1": 1, neg: 0, pos: 1, negative: 0, positive: 1 };

/** The label that `value` (0, 1, neg, pos, negative, positive; any case) stands for, undefined for anything else. */
export function parseLabel(value: unknown): 0 | 1 | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const key = String(value).trim().toLowerCase();
  return Object.hasOwn(LABELS, key) ? LABELS[key] : undefined;
}
