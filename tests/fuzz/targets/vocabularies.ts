import assert from "node:assert/strict";
import { join } from "node:path";
import { createTokenizer, loadTokenizer } from "../../../src/data/tokenizer.ts";
import { HOSTILE_TEXTS, type Mutator } from "../mutate.ts";
import { bytesOf, type FuzzTarget } from "../target.ts";

const ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s", "##ing", "dull", ".", "é", "##é"];
/** What each accepted vocabulary must cut into ids of its own. */
const TEXTS = [
  "a film",
  "films, dulling... [SEP] é\u0301",
  "",
  HOSTILE_TEXTS.join(" "),
  "x".repeat(200),
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
];

async function assertUsable(path: string): Promise<void> {
  const tokenizer = await loadTokenizer(path);
  for (const text of TEXTS) {
    const ids = tokenizer.encode(text);
    assert.ok(
      ids.length >= 2 && ids.every((id) => id >= 0 && id < tokenizer.vocabularySize),
      `ids of ${JSON.stringify(text)}`,
    );
    assert.equal(tokenizer.tokenStrings(ids).length, ids.length);
  }
  const again = await createTokenizer(tokenizer.vocabulary);
  assert.equal(again.vocabularyHash, tokenizer.vocabularyHash);
  assert.deepEqual(again.encode(TEXTS[1]), tokenizer.encode(TEXTS[1]));
}

export const VOCABULARY_TEXTS: FuzzTarget = {
  name: "vocab.txt",
  weight: 3,
  words: [...ENTRIES, "\n", "\r\n", "##", "[MASK]"],
  examples: bytesOf(`${ENTRIES.join("\n")}\n`, ENTRIES.join("\r\n")),
  async read(input, folder) {
    const path = join(folder, "vocab.txt");
    Deno.writeFileSync(path, input);
    await assertUsable(path);
  },
};

const WORD_PIECE = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 2, content: "[CLS]", single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    { id: 3, content: "[SEP]", single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ],
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: null,
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(ENTRIES.map((entry, id) => [entry, id])),
  },
};
const BYTE_PAIRS = {
  ...WORD_PIECE,
  normalizer: { type: "NFC" },
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    vocab: {
      "[UNK]": 0,
      "<s>": 1,
      "[CLS]": 2,
      "[SEP]": 3,
      "</s>": 4,
      f: 5,
      i: 6,
      l: 7,
      m: 8,
      fi: 9,
      lm: 10,
      film: 11,
      "Ġ": 12,
    },
    merges: ["f i", "l m", "fi lm"],
  },
};
const UNIGRAM = {
  ...WORD_PIECE,
  normalizer: null,
  pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
  model: { type: "Unigram", unk_id: 1, vocab: ENTRIES.map((entry, id) => [entry, -id]) },
};
const SPLIT = {
  ...WORD_PIECE,
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: "\\s+|\\w+" }, behavior: "Isolated", invert: false },
      { type: "Digits", individual_digits: true },
    ],
  },
  normalizer: {
    type: "Sequence",
    normalizers: [{ type: "Replace", pattern: { Regex: " {2,}" }, content: " " }, { type: "Lowercase" }],
  },
};
const TOKENIZERS = [WORD_PIECE, BYTE_PAIRS, UNIGRAM, SPLIT];

function madeTokenizer(mutator: Mutator): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(mutator.mutateJson(mutator.random.pick(TOKENIZERS))));
}

export const TOKENIZER_FILES: FuzzTarget = {
  name: "tokenizer.json",
  weight: 3,
  words: [
    "WordPiece",
    "BPE",
    "Unigram",
    "BertNormalizer",
    "Precompiled",
    "Sequence",
    "Split",
    "Regex",
    "(a+)+$",
    "(x|x)*y",
    "Metaspace",
    "ByteLevel",
    "Whitespace",
    "vocab",
    "merges",
    "added_tokens",
    "type",
    "content",
    "special",
    "id",
  ],
  examples: bytesOf(...TOKENIZERS.map((tokenizer) => JSON.stringify(tokenizer))),
  generate: madeTokenizer,
  async read(input, folder) {
    const path = join(folder, "tokenizer.json");
    Deno.writeFileSync(path, input);
    await assertUsable(path);
  },
};
