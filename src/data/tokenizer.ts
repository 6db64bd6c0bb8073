import { DataError } from "../errors.ts";
import { bertSubwords, jsonSubwords, type Subwords } from "../libraries/tokenizer.ts";
import { bertVocabulary } from "../libraries/vocabulary.ts";
import { printable } from "../files/printable.ts";
import { readVocabulary, type Vocabulary } from "./vocabulary.ts";
import { scanWords } from "./word_scanner.ts";

/**
 * Reviews to token ids and back. Special tokens written out in a review (`[SEP]`) are plain text, so that position 0 and
 * the last position alone hold `[CLS]` and `[SEP]`, whatever the text. Any string is accepted: control characters are
 * dropped, words of more than 100 characters become `[UNK]`, as in BERT.
 */
export interface Tokenizer {
  /** Ids of `[CLS]`, the whole text (never cut) and `[SEP]` (spec §1). */
  encode(text: string): Int32Array;
  /** The vocabulary's entry of each id; RangeError for an id outside the vocabulary. */
  tokenStrings(ids: ArrayLike<number>): string[];
  /** Entries of the vocabulary: rows of the embedding. */
  readonly vocabularySize: number;
  /** SHA-256 (hex) of the vocabulary: its entries in id order, one a line with a final newline. */
  readonly vocabularyHash: string;
  /** What this tokenizer was made from; can be posted to a worker, which makes the same with `createTokenizer`. */
  readonly vocabulary: Vocabulary;
}

/**
 * The tokenizer of a `vocab.txt` (taken as uncased WordPiece) or `tokenizer.json`; by default that of uncased BERT.
 *
 * @throws DataError when the file cannot be read, is neither of the two, or has no `[CLS]`, `[SEP]` or unknown token.
 */
export async function loadTokenizer(vocabularyPath?: string): Promise<Tokenizer> {
  if (vocabularyPath === undefined) {
    return createTokenizer({ kind: "entries", name: "built-in", entries: await bertVocabulary() });
  }
  return createTokenizer(await readVocabulary(vocabularyPath));
}

/** The tokenizer of a vocabulary that is already read. Throws DataError as `loadTokenizer`. */
export async function createTokenizer(vocabulary: Vocabulary): Promise<Tokenizer> {
  const subwords = await subwordsOf(vocabulary);
  const [first, last] = specialIds(subwords, vocabulary);
  const entries = Array.from({ length: subwords.size }, (_, id) => subwords.entry(id) ?? "");
  const encoder = new ReviewEncoder(subwords, first, last);
  return {
    encode: (text) => encoder.encode(text),
    tokenStrings: (ids) => Array.from(ids, (id) => entryOf(entries, id)),
    vocabularySize: subwords.size,
    vocabularyHash: await hashLines(entries),
    vocabulary,
  };
}

async function subwordsOf(vocabulary: Vocabulary): Promise<Subwords> {
  if (vocabulary.kind === "entries") return await bertSubwords(vocabulary.entries);
  let subwords: Subwords;
  try {
    subwords = await jsonSubwords(vocabulary.json);
  } catch (error) {
    throw unusable(vocabulary, error);
  }
  // Some parts of a tokenizer are looked at by the library only when it meets text.
  const idsOf = (text: string) => {
    try {
      return subwords.idsOf(text);
    } catch (error) {
      throw unusable(vocabulary, error);
    }
  };
  return { ...subwords, idsOf };
}

function unusable({ name }: Vocabulary, error: unknown): DataError {
  return new DataError(
    `Cannot use the vocabulary ${name}: ${error instanceof Error ? printable(error.message) : "unknown fault"}`,
    "Give the tokenizer.json of a Hugging Face tokenizer, or a vocab.txt with one entry a line.",
    { cause: error },
  );
}

const FRAMES = [["[CLS]", "[SEP]"], ["<s>", "</s>"], ["<cls>", "<sep>"]] as const;

function specialIds(subwords: Subwords, vocabulary: Vocabulary): readonly [number, number] {
  for (const [first, last] of FRAMES) {
    const firstId = subwords.idOf(first);
    const lastId = subwords.idOf(last);
    if (firstId !== undefined && lastId !== undefined) return [firstId, lastId];
  }
  throw new DataError(
    `Cannot use the vocabulary ${vocabulary.name}: it has no [CLS] and [SEP]`,
    "Give a vocabulary of the BERT kind.",
  );
}

function entryOf(entries: readonly string[], id: number): string {
  if (!(id >= 0 && id < entries.length)) throw new RangeError(`token id ${id}, vocabulary of ${entries.length}`);
  return entries[id];
}

async function hashLines(entries: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(entries.join("\n") + "\n");
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Words kept; a run through the 25,000 reviews meets about 150,000. */
const CACHE_LIMIT = 262_144;
/** Longest part kept, so that hostile text cannot fill the memory. */
const CACHED_LENGTH = 128;

/** Encodes reviews word by word with a cache of words: the library's speed, 0.5 million tokens/s, is for new ones. */
class ReviewEncoder {
  readonly #cache = new Map<string, readonly number[]>();
  #ids = new Int32Array(1024);
  #count = 0;

  constructor(readonly subwords: Subwords, readonly first: number, readonly last: number) {}

  encode(text: string): Int32Array {
    this.#count = 0;
    this.#append([this.first]);
    if (this.subwords.bertWords) scanWords(text, this.#appendPart);
    else this.#append(this.subwords.idsOf(text));
    this.#append([this.last]);
    return this.#ids.slice(0, this.#count);
  }

  readonly #appendPart = (part: string): void => {
    let ids = this.#cache.get(part);
    if (ids === undefined) {
      ids = this.subwords.idsOf(part);
      if (part.length <= CACHED_LENGTH) {
        if (this.#cache.size >= CACHE_LIMIT) this.#cache.clear();
        this.#cache.set(part, ids);
      }
    }
    this.#append(ids);
  };

  #append(ids: readonly number[]): void {
    const count = this.#count + ids.length;
    if (count > this.#ids.length) {
      const grown = new Int32Array(Math.max(count, 2 * this.#ids.length));
      grown.set(this.#ids.subarray(0, this.#count));
      this.#ids = grown;
    }
    for (let i = 0; i < ids.length; i++) this.#ids[this.#count + i] = ids[i];
    this.#count = count;
  }
}
