import { RunError } from "../errors.ts";
import { type EncodedTexts, encodeTexts } from "./encoded_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What the pool tells a worker: first its vocabulary, then texts; each request for texts is answered in turn. */
export type TokenizerRequest =
  | { readonly kind: "vocabulary"; readonly vocabulary: Vocabulary }
  | { readonly kind: "texts"; readonly texts: readonly string[] };

interface Waiting {
  readonly resolve: (encoded: EncodedTexts) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly worker: Worker;
  readonly waiting: Waiting[];
}

/** Requests encoded by the caller's thread before workers are started: starting one costs about as much as this. */
const INLINE_REQUESTS = 2;
/** Most workers: reading the reviews keeps about so many busy, and each holds a vocabulary and a cache of words. */
const MOST_WORKERS = 6;

/** Encodes batches of texts on several threads; small jobs stay on the caller's. */
export class TokenizerPool {
  readonly #members: Member[] = [];
  #requests = 0;
  #failure: RunError | undefined;

  /** `threads` 1 starts no worker. */
  constructor(readonly tokenizer: Tokenizer, readonly threads: number) {}

  /** Requests that should be under way at a time, so that no worker waits and the memory stays bounded. */
  get width(): number {
    return 2 * Math.max(1, this.#members.length);
  }

  /** Encodes `texts`. Throws RunError when a worker dies. */
  encode(texts: readonly string[]): Promise<EncodedTexts> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.threads <= 1 || this.#requests++ < INLINE_REQUESTS) {
      return Promise.resolve(encodeTexts(texts, (text) => this.tokenizer.encode(text)));
    }
    if (this.#members.length === 0) this.#start();
    const free = this.#members.reduce((a, b) => b.waiting.length < a.waiting.length ? b : a);
    const request: TokenizerRequest = { kind: "texts", texts };
    free.worker.postMessage(request);
    return new Promise((resolve, reject) => free.waiting.push({ resolve, reject }));
  }

  /** Ends the workers; requests still under way are never answered. */
  close(): void {
    for (const { worker } of this.#members.splice(0)) worker.terminate();
  }

  #start(): void {
    for (let i = 0; i < Math.min(this.threads, MOST_WORKERS); i++) {
      const worker = new Worker(new URL("./tokenizer_worker.ts", import.meta.url), { type: "module" });
      const member: Member = { worker, waiting: [] };
      worker.onmessage = ({ data }: MessageEvent<EncodedTexts>) => member.waiting.shift()?.resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(event.message);
      };
      const request: TokenizerRequest = { kind: "vocabulary", vocabulary: this.tokenizer.vocabulary };
      worker.postMessage(request);
      this.#members.push(member);
    }
  }

  #fail(message: string): void {
    const failure = new RunError(`Cannot tokenize: a worker ended (${message})`, "Try again with --threads 1.");
    this.#failure = failure;
    for (const { waiting } of this.#members) for (const { reject } of waiting.splice(0)) reject(failure);
  }
}
