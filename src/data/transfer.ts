import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";

/** A transfer that failed in a way that another try may mend. */
export class TransferCut extends Error {}

/** The server has no such range: the part that was kept belongs to another file, or is all of it. */
export class RangeRefused extends TransferCut {}

/** The answer of a server from which bytes can be read. */
export interface Transfer {
  /** Place of the first byte in the whole file: as asked, or 0 from a server that ignores ranges. */
  readonly from: number;
  /** Size of the whole file, where the server tells it. */
  readonly total: number | undefined;
  /** ETag or date by which the rest of the same file can be asked for later. */
  readonly validator: string | undefined;
  /** Throws TransferCut when the connection breaks or nothing arrives for too long. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends the transfer, whether or not its bytes were read. */
  close(): Promise<void>;
}

export interface TransferOptions {
  /** First byte wanted. */
  readonly from: number;
  /** Validator of the earlier part; without one the whole file is asked for. */
  readonly validator: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds without a byte after which the transfer counts as cut. */
  readonly patience: number;
}

/**
 * Asks `url` for its bytes from `from` on.
 *
 * @throws TransferCut when the server cannot be reached or is overloaded; DataError when it refuses for good.
 */
export async function requestRest(url: string, options: TransferOptions): Promise<Transfer> {
  const { from, validator, signal, patience } = options;
  const address = parseUrl(url);
  // Ranges count the bytes of the file, so the server must not compress them on the way.
  const headers = new Headers({ "Accept-Encoding": "identity" });
  if (from > 0 && validator !== undefined) {
    headers.set("Range", `bytes=${from}-`);
    headers.set("If-Range", validator);
  }
  const idle = new IdleLimit(patience);
  const stop = signal === undefined ? idle.signal : AbortSignal.any([signal, idle.signal]);
  let response: Response;
  try {
    response = await fetch(address, { headers, signal: stop });
  } catch (error) {
    idle.pause();
    throw cut(error);
  }
  const { body } = response;
  const close = async (): Promise<void> => {
    idle.pause();
    // A body that broke rejects the cancellation with its own error, which its reader was told already.
    if (body !== null && !body.locked) await body.cancel().catch(() => {});
  };
  try {
    if (!response.ok || body === null) throw refusal(url, response.status);
    const place = placeOf(response, from);
    return { ...place, validator: strongValidator(response.headers), bytes: watched(body, idle), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed?.protocol === "https:" || parsed?.protocol === "http:") return parsed;
  throw new DataError(`Cannot fetch ${printable(url)}: it is no web address`, "Give an address such as https://…");
}

function refusal(url: string, status: number): Error {
  if (status === 416) return new RangeRefused("the server has no such range");
  if (status === 408 || status === 429 || status >= 500) {
    return new TransferCut(`the server answered ${status}`);
  }
  return new DataError(
    `Cannot fetch ${printable(url)}: the server answered ${status}`,
    status === 404 || status === 410
      ? "The file is no longer there: give its new address, or the file itself with --data."
      : "Check the address, or fetch the file by other means and give it with --data.",
  );
}

function placeOf(response: Response, asked: number): Pick<Transfer, "from" | "total"> {
  const length = Number(response.headers.get("Content-Length") ?? NaN);
  const whole = Number.isSafeInteger(length) ? length : undefined;
  if (response.status !== 206) return { from: 0, total: whole };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
  if (range === null || Number(range[1]) !== asked) {
    throw new TransferCut(`the server sent the range ${printable(response.headers.get("Content-Range") ?? "(none)")}`);
  }
  return { from: asked, total: range[2] === "*" ? undefined : Number(range[2]) };
}

/** If-Range needs a strong validator: an ETag without `W/`, or else the date of the last change. */
function strongValidator(headers: Headers): string | undefined {
  const tag = headers.get("ETag");
  if (tag !== null && !tag.startsWith("W/")) return tag;
  return headers.get("Last-Modified") ?? undefined;
}

async function* watched(body: ReadableStream<Uint8Array>, idle: IdleLimit): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) {
      idle.pause();
      yield piece;
      idle.resume();
    }
  } catch (error) {
    throw cut(error);
  } finally {
    idle.pause();
  }
}

function cut(error: unknown): TransferCut {
  const message = error instanceof Error ? error.message : String(error);
  return new TransferCut(printable(message.replace(/^error sending request for url \([^)]*\): /, "")), {
    cause: error,
  });
}

/** Aborts when nothing happens for `patience` milliseconds. */
class IdleLimit {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly patience: number) {
    this.resume();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  resume(): void {
    this.#timer = setTimeout(
      () => this.#controller.abort(new TransferCut(`nothing arrived for ${this.patience / 1000} s`)),
      this.patience,
    );
  }

  pause(): void {
    clearTimeout(this.#timer);
  }
}
