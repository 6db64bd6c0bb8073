import { dirname } from "node:path";
import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";

const ACTION = "Cannot write";

/**
 * The part of a download that has arrived: `DESTINATION.partial`, and beside it `DESTINATION.partial.json` with the
 * address and the validator by which the rest of the same file can be asked for. Locked while it is open.
 */
export class PartialFile implements Disposable {
  #open = true;

  private constructor(
    readonly destination: string,
    readonly url: string,
    readonly file: Deno.FsFile,
    private length: number,
    private known: string | undefined,
  ) {}

  /**
   * Opens the part of an earlier transfer of the same address, or begins a new one. Throws DataError when it cannot be
   * written or another process has it open.
   */
  static async open(destination: string, url: string): Promise<PartialFile> {
    const path = partialPath(destination);
    let file: Deno.FsFile;
    try {
      await Deno.mkdir(dirname(destination), { recursive: true });
      file = await Deno.open(path, { read: true, write: true, create: true });
    } catch (error) {
      throw fileError(ACTION, path, error);
    }
    try {
      if (!await file.tryLock(true)) {
        throw new DataError(
          `Cannot fetch to ${printable(destination)}: another process is doing it`,
          "Wait until it is done.",
        );
      }
      const validator = await readValidator(destination, url);
      if (validator === undefined) await file.truncate(0);
      const length = await file.seek(0, Deno.SeekMode.End);
      return new PartialFile(destination, url, file, length, validator);
    } catch (error) {
      file.close();
      throw fileError(ACTION, path, error);
    }
  }

  get path(): string {
    return partialPath(this.destination);
  }

  /** Bytes that have arrived. */
  get size(): number {
    return this.length;
  }

  /** By which the server knows the file that this is a part of. */
  get validator(): string | undefined {
    return this.known;
  }

  /** Forgets what has arrived; what comes next has `validator`. */
  async startOver(validator: string | undefined): Promise<void> {
    await this.#try(async () => {
      await this.file.truncate(0);
      await this.file.seek(0, Deno.SeekMode.Start);
      this.length = 0;
      this.known = validator;
      if (validator === undefined) await remove(notePath(this.destination));
      else await Deno.writeTextFile(notePath(this.destination), JSON.stringify({ url: this.url, validator }));
    });
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#try(async () => {
      for (let written = 0; written < bytes.length;) {
        const count = await this.file.write(bytes.subarray(written));
        written += count;
        this.length += count;
      }
    });
  }

  /** What has arrived, from the start. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    await this.#try(async () => void await this.file.seek(0, Deno.SeekMode.Start));
    const piece = new Uint8Array(256 * 1024);
    for (let count: number | null; (count = await this.file.read(piece)) !== null;) yield piece.subarray(0, count);
  }

  /** Flushes the file, closes it and gives it its name. */
  async finish(): Promise<void> {
    await this.#try(async () => {
      await this.file.sync();
      this[Symbol.dispose]();
      await Deno.rename(this.path, this.destination);
      await remove(notePath(this.destination));
    });
  }

  /** Closes the file and removes what has arrived. */
  async discard(): Promise<void> {
    await this.#try(async () => {
      this[Symbol.dispose]();
      await remove(this.path);
      await remove(notePath(this.destination));
    });
  }

  [Symbol.dispose](): void {
    if (this.#open) this.file.close();
    this.#open = false;
  }

  async #try(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      throw fileError(ACTION, this.path, error);
    }
  }
}

const partialPath = (destination: string): string => `${destination}.partial`;
const notePath = (destination: string): string => `${destination}.partial.json`;

async function readValidator(destination: string, url: string): Promise<string | undefined> {
  try {
    const note: unknown = JSON.parse(await Deno.readTextFile(notePath(destination)));
    if (typeof note !== "object" || note === null || !("url" in note) || !("validator" in note)) return undefined;
    return note.url === url && typeof note.validator === "string" ? note.validator : undefined;
  } catch {
    return undefined; // an unreadable note costs a transfer from the start, no more
  }
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
