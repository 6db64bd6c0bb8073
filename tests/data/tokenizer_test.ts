import fc from "fast-check";
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadTokenizer } from "../../src/data/tokenizer.ts";
import { scanWords } from "../../src/data/word_scanner.ts";
import { DataError } from "../../src/errors.ts";
import { bertSubwords } from "../../src/libraries/tokenizer.ts";
import { bertVocabulary } from "../../src/libraries/vocabulary.ts";

const BERT_HASH = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3";
const bert = await loadTokenizer();
const pieces = (text: string) => bert.tokenStrings(bert.encode(text)).join(" ");

async function withFile<T>(name: string, content: string | Uint8Array, body: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, name);
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    return await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the built-in vocabulary is that of uncased BERT", () => {
  assert.equal(bert.vocabularySize, 30_522);
  assert.equal(bert.vocabularyHash, BERT_HASH);
  assert.deepEqual(bert.tokenStrings([0, 1, 100, 101, 102, 103, 1996]), [
    "[PAD]",
    "[unused0]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
  ]);
  assert.throws(() => bert.tokenStrings([30_522]), RangeError);
});

Deno.test("text becomes [CLS] pieces [SEP] as BERT cuts it, line breaks and entities raw", () => {
  // The first case is the published example of BERT's WordPiece tokenizer.
  assert.equal(pieces("unaffable"), "[CLS] una ##ffa ##ble [SEP]");
  assert.equal(pieces("Héllo,  WORLD!<br />it&#39;s"), "[CLS] hello , world ! < br / > it & # 39 ; s [SEP]");
  assert.deepEqual(Array.from(bert.encode("the")), [101, 1996, 102]);
});

Deno.test("a text without a token is [CLS] [SEP]", () => {
  for (const text of ["", " \n\t", "\u0000\u0001\ufeff\u200d", "\ud800"]) {
    assert.deepEqual(Array.from(bert.encode(text)), [101, 102]);
  }
});

Deno.test("special tokens written out in a text are plain text", () => {
  assert.equal(pieces("[SEP] [PAD]"), "[CLS] [ sep ] [ pad ] [SEP]");
  fc.assert(fc.property(fc.array(fc.constantFrom("[CLS]", "[SEP]", "[MASK]", "[PAD]", " ", "x")), (parts) => {
    const ids = Array.from(bert.encode(parts.join("")));
    assert.equal(ids[0], 101);
    assert.equal(ids.at(-1), 102);
    assert.ok(!ids.slice(1, -1).some((id) => [0, 101, 102, 103].includes(id)));
  }));
});

Deno.test("words of more than 100 characters and a megabyte without spaces become [UNK]", () => {
  assert.deepEqual(Array.from(bert.encode("x".repeat(101))), [101, 100, 102]);
  assert.deepEqual(Array.from(bert.encode("a".repeat(1_000_000))), [101, 100, 102]);
  assert.equal(bert.encode("!".repeat(1_000_000)).length, 1_000_002);
  assert.equal(bert.encode("中".repeat(100_000)).length, 100_002);
});

Deno.test("the cache of words changes no id: any text gives what the library gives for the whole text", async () => {
  const library = await bertSubwords(await bertVocabulary());
  assert.ok(library.bertWords);
  const reviewLike = fc.stringMatching(/^[\x20-\x7eéΣß\n\t\u0085\u00a0\u2028\u0301中—“”]*$/);
  fc.assert(
    fc.property(fc.oneof(reviewLike, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })), (text) => {
      assert.deepEqual(Array.from(bert.encode(text)), [101, ...library.idsOf(text), 102]);
      assert.deepEqual(bert.encode(text), bert.encode(text));
    }),
    { numRuns: 500 },
  );
});

Deno.test("the scanner drops nothing but white space", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const parts: string[] = [];
    scanWords(text, (part) => parts.push(part));
    assert.equal(parts.join(""), text.replace(/[ \t\n\r]/g, ""));
  }));
});

Deno.test("a vocab.txt of the same entries gives the same tokenizer, with either line ending", async () => {
  const entries = await bertVocabulary();
  for (const ending of ["\n", "\r\n"]) {
    await withFile("vocab.txt", entries.join(ending) + ending, async (path) => {
      const tokenizer = await loadTokenizer(path);
      assert.equal(tokenizer.vocabularyHash, BERT_HASH);
      assert.deepEqual(tokenizer.encode("Unaffable!"), bert.encode("Unaffable!"));
    });
  }
});

const SMALL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "##ness", "!"];
const smallJson = (change: Record<string, unknown> = {}) => ({
  added_tokens: [
    { id: 2, content: "[CLS]", special: true },
    { id: 3, content: "[SEP]", special: true },
  ],
  normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: true },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: null,
  decoder: null,
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    vocab: Object.fromEntries(SMALL.map((entry, id) => [entry, id])),
  },
  ...change,
});

Deno.test("a tokenizer.json gives the same as the vocab.txt of its entries", async () => {
  const text = "GOODNESS! [SEP] bad good";
  const fromText = await withFile("vocab.txt", SMALL.join("\n"), loadTokenizer);
  const fromJson = await withFile("tokenizer.json", JSON.stringify(smallJson()), loadTokenizer);
  assert.equal(fromJson.vocabularyHash, fromText.vocabularyHash);
  assert.deepEqual(Array.from(fromText.encode(text)), [2, 4, 5, 6, 1, 1, 1, 1, 4, 3]);
  assert.deepEqual(fromJson.encode(text), fromText.encode(text));
});

Deno.test("a tokenizer.json whose words are not BERT's is left to the library", async () => {
  const json = smallJson({ pre_tokenizer: { type: "WhitespaceSplit" } });
  const tokenizer = await withFile("tokenizer.json", JSON.stringify(json), loadTokenizer);
  // Not cut at "!", the word has no continuing piece "##!".
  assert.deepEqual(Array.from(tokenizer.encode("good! good")), [2, 1, 4, 3]);
});

Deno.test("broken vocabularies are data errors that name the place", async () => {
  const refused = (name: string, content: string | Uint8Array, about: RegExp) =>
    withFile(name, content, (path) =>
      assert.rejects(
        loadTokenizer(path),
        (error) => error instanceof DataError && about.test(error.message) && error.message.includes(name),
      ));
  await assert.rejects(loadTokenizer("no/such/vocab.txt"), DataError);
  await refused("vocab.txt", "", /line 1: the entry is empty/);
  await refused("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\na\n", /line 5: a stands on line 4 already/);
  await refused("vocab.txt", "[UNK]\n[CLS]\nthe\n", /no entry \[SEP\]/);
  await refused("vocab.txt", new Uint8Array([0x5b, 0xff, 0x0a]), /not UTF-8/);
  await refused("tokenizer.json", '{"model":', /JSON is broken/);
  await refused("tokenizer.json", "{}", /no model/);
  await refused("tokenizer.json", JSON.stringify(smallJson({ model: { type: "WordPiece", vocab: { a: -1 } } })), /ids/);
  await refused("tokenizer.json", JSON.stringify(smallJson({ model: { vocab: { a: 1e12 } } })), /ids/);
  // A small file must not ask for an embedding of 16 million rows.
  const sparse = { type: "WordPiece", unk_token: "a", vocab: { a: 0, "[CLS]": 1, "[SEP]": 16_777_215 } };
  await refused(
    "tokenizer.json",
    JSON.stringify(smallJson({ added_tokens: [], model: sparse })),
    /largest id is 16777215/,
  );
  const odd = { type: "Split", pattern: { String: " " }, behavior: 1, invert: false };
  const late = await withFile("tokenizer.json", JSON.stringify(smallJson({ pre_tokenizer: odd })), loadTokenizer)
    .catch((error) => error);
  // Where it is met with the first text and not before, it is a data error as well.
  if (!(late instanceof DataError)) assert.throws(() => late.encode("good"), DataError);
  const unigram = { type: "Unigram", unk_id: 2_147_483_648, vocab: SMALL.map((entry) => [entry, -1]) };
  await refused("tokenizer.json", JSON.stringify(smallJson({ model: unigram })), /unk_id is 2147483648/);
  const split = (pattern: unknown) =>
    JSON.stringify(smallJson({ pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split", pattern }] } }));
  await refused("tokenizer.json", split({ Regex: "(a+)+$" }), /can take forever/);
  await refused("tokenizer.json", split({}), /neither a Regex nor a String/);
  await refused("tokenizer.json", split(undefined), /neither a Regex nor a String/);
  await refused("tokenizer.json", JSON.stringify(smallJson({ normalizer: { type: "\u001b[31m" } })), /\\u\{1b\}/);
  await refused(
    "tokenizer.json",
    JSON.stringify(smallJson({ added_tokens: [], model: { type: "WordPiece", unk_token: "a", vocab: { a: 0 } } })),
    /no \[CLS\] and \[SEP\]/,
  );
});
