/** Reviews as token ids, ready to be batched; ids are whole reviews, `[CLS]` and `[SEP]` included, never cut. */
export interface TokenizedDataset {
  /** Token ids of all reviews, one after the other [tokens]. */
  readonly tokens: Int32Array;
  /** Review r owns tokens[offsets[r] … offsets[r + 1]) [reviews + 1]. */
  readonly offsets: Uint32Array;
  /** 0 negative, 1 positive [reviews]. */
  readonly labels: Uint8Array;
  /** Where each review came from, for example `train/pos/0_9.txt` or `line 12` [reviews]. */
  readonly names: readonly string[];
  /** SHA-256 (hex) of the reviews' texts and labels in their order. */
  readonly dataHash: string;
  /** SHA-256 (hex) of the vocabulary: its entries in id order, one a line with a final newline. */
  readonly vocabularyHash: string;
  readonly vocabularySize: number;
}

/** Review numbers of each part; together every review once. */
export interface DatasetSplit {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}
