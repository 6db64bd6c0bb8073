import { createHash } from "node:crypto";
import { DataError } from "../errors.ts";
import type { TokenizedDataset } from "./dataset.ts";
import type { EncodedTexts } from "./encoded_texts.ts";
import type { ReadReport, Review } from "./review.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { TokenizerPool } from "./tokenizer_pool.ts";

/** Characters of a request to the pool: some milliseconds of work. */
const REQUEST_LENGTH = 256 * 1024;

/**
 * Tokenizes `reviews` on `threads` threads while they are read. Reviews of a folder or archive come out sorted by name
 * (as `report.kind`, filled by the reader, says), those of a table in its order; so a folder and its archive give the
 * same dataset. `dataHash` is SHA-256 over the reviews' own SHA-256 digests (of the label's byte and the UTF-8 text) in
 * that order, so that no text need be kept.
 *
 * @throws DataError when two reviews have one name; RunError when a worker dies; errors of `reviews` pass through.
 */
export async function tokenizeReviews(
  reviews: AsyncIterable<Review>,
  tokenizer: Tokenizer,
  { report, threads, onRequest }: {
    readonly report: ReadReport;
    readonly threads: number;
    /** Called whenever a request has been answered. */
    readonly onRequest: () => void;
  },
): Promise<TokenizedDataset> {
  const pool = new TokenizerPool(tokenizer, threads);
  const found = new FoundReviews();
  const pending: Promise<EncodedTexts>[] = [];
  const settle = async (most: number): Promise<void> => {
    for (; pending.length > most; pending.shift()) {
      found.addTokens(await pending[0]);
      onRequest();
    }
  };
  let texts: string[] = [];
  let length = 0;
  const send = (): void => {
    const answer = pool.encode(texts);
    // When one request fails, those behind it fail as well; the first is reported.
    answer.catch(() => {});
    pending.push(answer);
    texts = [];
    length = 0;
  };
  try {
    for await (const review of reviews) {
      found.addReview(review);
      texts.push(review.text);
      length += review.text.length;
      if (length < REQUEST_LENGTH) continue;
      send();
      await settle(pool.width);
    }
    send();
    await settle(0);
  } finally {
    pool.close();
  }
  const order = report.kind === "table" ? found.readingOrder() : found.nameOrder();
  return {
    ...found.inOrder(order),
    vocabularyHash: tokenizer.vocabularyHash,
    vocabularySize: tokenizer.vocabularySize,
  };
}

/** Reviews in the order of reading, gathered until the last is known. */
class FoundReviews {
  readonly #names: string[] = [];
  readonly #labels: number[] = [];
  readonly #digests: Uint8Array[] = [];
  readonly #tokens: Int32Array[] = [];

  addReview({ text, label, name }: Review): void {
    this.#names.push(name);
    this.#labels.push(label);
    this.#digests.push(createHash("sha256").update(Uint8Array.of(label)).update(text).digest());
  }

  addTokens({ tokens, lengths }: EncodedTexts): void {
    let place = 0;
    for (const length of lengths) {
      this.#tokens.push(tokens.subarray(place, place + length));
      place += length;
    }
  }

  readingOrder(): number[] {
    return this.#names.map((_, review) => review);
  }

  nameOrder(): number[] {
    const names = this.#names;
    const order = this.readingOrder().sort((a, b) => names[a] < names[b] ? -1 : Number(names[a] > names[b]));
    const twin = order.find((review, place) => place > 0 && names[review] === names[order[place - 1]]);
    if (twin === undefined) return order;
    throw new DataError(
      `Cannot use the reviews: two have the name ${names[twin]}`,
      "Make the archive anew from a folder, where names are unique.",
    );
  }

  inOrder(order: readonly number[]): Omit<TokenizedDataset, "vocabularyHash" | "vocabularySize"> {
    const hash = createHash("sha256");
    const offsets = new Uint32Array(order.length + 1);
    order.forEach((review, place) => {
      hash.update(this.#digests[review]);
      offsets[place + 1] = offsets[place] + this.#tokens[review].length;
    });
    const tokens = new Int32Array(offsets[order.length]);
    order.forEach((review, place) => tokens.set(this.#tokens[review], offsets[place]));
    return {
      tokens,
      offsets,
      labels: Uint8Array.from(order, (review) => this.#labels[review]),
      names: order.map((review) => this.#names[review]),
      dataHash: hash.digest("hex"),
    };
  }
}
