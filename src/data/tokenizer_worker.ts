/** A worker that encodes texts; see `TokenizerPool` for the messages. */
import { encodeTexts } from "./encoded_texts.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";
import type { TokenizerRequest } from "./tokenizer_pool.ts";

/** What a dedicated worker's global scope offers here; the compiler sees the scope of a page. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<TokenizerRequest>) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

const scope = self as unknown as WorkerScope;
let tokenizer: Promise<Tokenizer> | undefined;

scope.onmessage = async ({ data: request }) => {
  if (request.kind === "vocabulary") {
    tokenizer = createTokenizer(request.vocabulary);
    return;
  }
  const ready = await tokenizer;
  if (ready === undefined) throw new Error("texts came before the vocabulary");
  const encoded = encodeTexts(request.texts, (text) => ready.encode(text));
  scope.postMessage(encoded, [encoded.tokens.buffer, encoded.lengths.buffer]);
};
