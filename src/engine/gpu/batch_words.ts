import type { PackedBatch } from "../../data/packed_batch.ts";
import { dropoutKey } from "../../model/dropout.ts";

/** The row of `[PAD]`, which gets no gradient (spec §2). */
const PAD = 0;

/** A batch as one array of words, and where its parts begin. */
export interface BatchWords {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly offsets: number;
  readonly labels: number;
  readonly keys: number;
  readonly order: number;
  readonly permutation: number;
  readonly ids: number;
  readonly starts: number;
  /** Ids that occur, `[PAD]` aside. */
  readonly segments: number;
}

/** Packs tokens, offsets, labels, dropout keys, the order of work, and the tokens sorted by id. */
export function batchWords({ tokens, offsets, labels }: PackedBatch, seed: number, step: number): BatchWords {
  const n = tokens.length, sequences = labels.length;
  const places = { offsets: n, labels: n + sequences + 1, keys: n + 2 * sequences + 1, order: n + 4 * sequences + 1 };
  const permutation = places.order + sequences, ids = permutation + n, starts = ids + n;
  const words = new Uint32Array(starts + n + 1);
  words.set(tokens);
  words.set(offsets, places.offsets);
  words.set(labels, places.labels);
  labels.forEach((_, s) => words.set(dropoutKey(seed, step, s), places.keys + 2 * s));
  // The longest first, so that the last workgroups end together.
  const length = (s: number) => offsets[s + 1] - offsets[s];
  words.set([...labels.keys()].sort((a, b) => length(b) - length(a) || a - b), places.order);
  // Tokens by id, in their order within an id: each id's count becomes the place of its next token.
  let largest = PAD;
  for (let i = 0; i < n; i++) largest = Math.max(largest, tokens[i]);
  const next = new Uint32Array(largest + 1);
  for (let i = 0; i < n; i++) next[tokens[i]]++;
  let segments = 0, kept = 0;
  for (let id = PAD + 1; id < next.length; id++) {
    const count = next[id];
    if (count === 0) continue;
    words[ids + segments] = id;
    words[starts + segments++] = kept;
    next[id] = kept;
    kept += count;
  }
  for (let i = 0; i < n; i++) {
    const id = tokens[i];
    if (id !== PAD) words[permutation + next[id]++] = i;
  }
  words[starts + segments] = kept;
  return { words, ...places, permutation, ids, starts, segments };
}
