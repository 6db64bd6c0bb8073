import { DataError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";

const NEWLINE = 0x0a;

/**
 * A CSV file that only grows, by whole rows. Its rows hold no line breaks, so that rows can be counted as lines.
 * All methods throw DataError with the remedy when the disk is full, read-only or gone; earlier rows stay whole.
 */
export class AppendedCsv {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #rows: number;
  #bytes: number;

  private constructor(path: string, file: Deno.FsFile, rows: number, bytes: number) {
    this.#path = path;
    this.#file = file;
    this.#rows = rows;
    this.#bytes = bytes;
  }

  /** Makes a new file that holds `header`, a line with its `\n`, and flushes it to the disk. */
  static async create(path: string, header: string): Promise<AppendedCsv> {
    const file = await guarded(path, Deno.open(path, { append: true, createNew: true }));
    const csv = new AppendedCsv(path, file, 0, 0);
    try {
      await csv.#write(header);
      await csv.sync();
      return csv;
    } catch (error) {
      csv.close();
      await Deno.remove(path).catch(() => {});
      throw error;
    }
  }

  /**
   * Opens a file and cuts it after its first `rows` rows: what a killed writer left beyond them goes.
   * Throws DataError, the file unchanged, when it does not begin with `header` or has fewer rows.
   */
  static async reopen(path: string, header: string, rows: number): Promise<AppendedCsv> {
    const file = await guarded(path, Deno.open(path, { read: true, append: true }));
    try {
      const bytes = await guarded(path, endOfRow(file, path, header, rows));
      const csv = new AppendedCsv(path, file, rows, bytes);
      await guarded(path, file.truncate(bytes));
      await csv.sync();
      return csv;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Throws DataError, as `reopen` would, when the file does not begin with `header` or has fewer rows; changes nothing. */
  static async requireRows(path: string, header: string, rows: number): Promise<void> {
    using file = await Deno.open(path, { read: true }).catch((error) => {
      throw fileError("Cannot read", path, error);
    });
    await guarded(path, endOfRow(file, path, header, rows));
  }

  /** Rows after the header. */
  get rows(): number {
    return this.#rows;
  }

  /** Appends rows, each with its `\n`; on failure what was written of them is taken back. */
  async append(rows: readonly string[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#write(rows.join(""));
    this.#rows += rows.length;
  }

  /** Returns when all rows are on the disk. */
  async sync(): Promise<void> {
    await guarded(this.#path, this.#file.sync());
  }

  close(): void {
    this.#file.close();
  }

  async #write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let written = 0; written < bytes.length;) written += await this.#file.write(bytes.subarray(written));
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw fileError("Cannot write", this.#path, error);
    }
    this.#bytes += bytes.length;
  }
}

/** The length in bytes of the header and `rows` rows. */
async function endOfRow(file: Deno.FsFile, path: string, header: string, rows: number): Promise<number> {
  const wanted = new TextEncoder().encode(header);
  const buffer = new Uint8Array(65_536);
  let lines = 0;
  let place = 0;
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    for (let i = 0; i < read; i++, place++) {
      if (place < wanted.length && buffer[i] !== wanted[place]) throw changed(path, "another header");
      if (buffer[i] === NEWLINE && ++lines === rows + 1) return place + 1;
    }
  }
  throw changed(path, `${Math.max(0, lines - 1)} whole rows, the checkpoint was saved after ${rows}`);
}

function changed(path: string, found: string): DataError {
  return new DataError(
    `Cannot go on writing ${printable(path)}: found ${found}`,
    "The file was changed after epsilon wrote it; restore it or start a new run with another --out.",
  );
}

async function guarded<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw fileError("Cannot write", path, error);
  }
}
