/** Sequences packed by their true lengths: no padding anywhere (spec §1, "padding never changes a result"). */
export interface PackedBatch {
  /** Token ids of all sequences, one after the other [tokens]. */
  readonly tokens: Int32Array;
  /** Sequence s owns tokens[offsets[s] … offsets[s + 1]) [sequences + 1]. */
  readonly offsets: Uint32Array;
  /** Class of each sequence [sequences]. */
  readonly labels: Uint8Array;
}
