import { slowPattern } from "./pattern_guard.ts";

/** Text to the ids of its pieces and back, without `[CLS]` and `[SEP]`. */
export interface Subwords {
  /** Ids of the pieces of `text`; text that looks like a special token is plain text. */
  idsOf(text: string): number[];
  /** Entry `id` of the vocabulary, undefined where it has a hole. */
  entry(id: number): string | undefined;
  /** Id of an entry. */
  idOf(entry: string): number | undefined;
  /** Largest id + 1. */
  readonly size: number;
  /**
   * Whether words are separated as BERT does it: at white space, and each ASCII punctuation mark by itself. Then pieces
   * of a word depend on that word alone.
   */
  readonly bertWords: boolean;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

/** The parts of a `tokenizer.json` that are looked at here; the rest is the library's business. */
interface TokenizerJson {
  readonly added_tokens?: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly model: {
    readonly vocab: Readonly<Record<string, number>> | readonly unknown[];
    readonly [key: string]: unknown;
  };
}

/** Most entries of a vocabulary, as many as the model takes. */
const LARGEST_SIZE = 16_777_216;

/** Uncased WordPiece over `entries` in id order, which hold `[UNK]`; words above 100 characters become `[UNK]`. */
export function bertSubwords(entries: readonly string[]): Promise<Subwords> {
  return build({
    added_tokens: [],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: {
      type: "WordPiece",
      vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])),
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
    post_processor: null,
    decoder: null,
  });
}

/** How many times larger the largest id may be than the number of tokens. */
const MOST_HOLES = 2;

/** The tokenizer of a parsed `tokenizer.json`. Throws a plain Error when the object is not one. */
export function jsonSubwords(json: unknown): Promise<Subwords> {
  if (!isTokenizerJson(json)) throw new Error("it has no model with a vocab of tokens and their ids");
  for (const part of [json.normalizer, json.pre_tokenizer]) requirePatterns(part);
  const { vocab, unk_id: unknown = null } = json.model;
  // The library gives out the unknown token's id unseen, and an id without a row would be read beyond the embedding.
  if (Array.isArray(vocab) && unknown !== null && !(isId(unknown) && Number(unknown) < vocab.length)) {
    throw new Error(`its unk_id is ${JSON.stringify(unknown)}, it has ${vocab.length} tokens`);
  }
  return build({ ...json, ...specialsAsText(json), decoder: null, post_processor: null });
}

function isTokenizerJson(json: unknown): json is TokenizerJson {
  if (!isObject(json) || !isObject(json.model) || !isObject(json.model.vocab)) return false;
  const { vocab } = json.model;
  const added = json.added_tokens ?? [];
  return (Array.isArray(vocab) || Object.values(vocab).every(isId)) && Array.isArray(added) &&
    added.every((token) => isObject(token) && isId(token.id) && typeof token.content === "string");
}

/** Every `pattern` within `part` is a text or a regular expression that cannot take forever. Throws Error otherwise. */
function requirePatterns(part: unknown): void {
  const left = [part];
  for (let value = left.pop(); value !== undefined || left.length > 0; value = left.pop()) {
    if (!isObject(value)) continue;
    if (value.type === "Split" || value.type === "Replace") requirePattern(value.pattern);
    left.push(...Object.values(value));
  }
}

function requirePattern(pattern: unknown): void {
  if (isObject(pattern) && typeof pattern.Regex === "string") {
    const reason = slowPattern(pattern.Regex);
    if (reason !== undefined) throw new Error(`a pattern of it can take forever: ${reason}`);
  } else if (!isObject(pattern) || typeof pattern.String !== "string") {
    throw new Error("a pattern of it is neither a Regex nor a String");
  }
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < LARGEST_SIZE;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * The library cuts the added tokens out of a text before anything else, so that a review could smuggle in a `[SEP]`.
 * Special ones therefore become ordinary entries of the model, which text never reaches.
 */
function specialsAsText(
  json: TokenizerJson,
): Pick<TokenizerJson, "model"> & { readonly added_tokens: readonly AddedToken[] } {
  const added = json.added_tokens ?? [];
  const { vocab } = json.model;
  if (Array.isArray(vocab)) {
    const known = ({ id, content }: AddedToken) => vocab[id]?.[0] === content;
    return { added_tokens: added.filter((token) => !token.special || !known(token)), model: json.model };
  }
  const specials = added.filter((token) => token.special).map(({ content, id }) => [content, id]);
  return {
    added_tokens: added.filter((token) => !token.special),
    model: { ...json.model, vocab: { ...vocab, ...Object.fromEntries(specials) } },
  };
}

async function build(json: TokenizerJson & Readonly<Record<string, unknown>>): Promise<Subwords> {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  const tokenizer = new Tokenizer(json, {});
  const ofType = (part: unknown, type: string) => isObject(part) && part.type === type;
  let size = 0;
  const vocabulary = tokenizer.get_vocab();
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  // An embedding has a row for every id, so that a small file could ask for a large one.
  if (size > MOST_HOLES * vocabulary.size + 1000) {
    throw new Error(`its largest id is ${size - 1}, it has ${vocabulary.size} tokens`);
  }
  return {
    idsOf: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.filter((id) => isId(id) && id < size),
    entry: (id) => tokenizer.id_to_token(id),
    idOf: (entry) => tokenizer.token_to_id(entry),
    size,
    bertWords: !json.added_tokens?.length && ofType(json.normalizer, "BertNormalizer") &&
      ofType(json.pre_tokenizer, "BertPreTokenizer") && ofType(json.model, "WordPiece"),
  };
}
