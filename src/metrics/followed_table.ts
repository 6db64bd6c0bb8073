import { fileError } from "../files/file_error.ts";
import { parseMetrics } from "./metrics_csv.ts";
import type { MetricRow } from "./schema.ts";

const NEWLINE = 0x0a;
/** Bytes before the place reached that must still be there, else the file is another one. */
const REMEMBERED = 512;

/** What was found since the last look. */
export interface FollowedRows {
  /** Whether the rows are all that the file holds: it was cut, as resuming does, replaced or removed. */
  readonly anew: boolean;
  readonly rows: readonly MetricRow[];
}

/**
 * A `metrics.csv` or `timing.csv` to which another process writes, read from where the last look ended. A line that has
 * no end yet is left for the next look; a file that is not there yet is empty.
 */
export class FollowedTable {
  readonly #path: string;
  #offset = 0;
  #lines = 0;
  #before = new Uint8Array(0);
  #present = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the file was there at the last look. */
  get present(): boolean {
    return this.#present;
  }

  /** Throws DataError when the file cannot be read, or naming the line that is none of a metrics file. */
  async look(): Promise<FollowedRows> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.#path, { read: true });
      this.#present = true;
    } catch (error) {
      this.#present = false;
      if (error instanceof Deno.errors.NotFound) return { anew: this.#forget(), rows: [] };
      throw fileError("Cannot read", this.#path, error);
    }
    try {
      const anew = await this.#goesOn(file) ? false : this.#forget();
      return { anew, rows: await this.#read(file) };
    } catch (error) {
      throw fileError("Cannot read", this.#path, error);
    } finally {
      file.close();
    }
  }

  /** Begins at the start again; returns whether there was anything to forget. */
  #forget(): boolean {
    const something = this.#offset > 0;
    this.#offset = 0;
    this.#lines = 0;
    this.#before = new Uint8Array(0);
    return something;
  }

  /** Whether what was read last still stands where it stood. */
  async #goesOn(file: Deno.FsFile): Promise<boolean> {
    if ((await file.stat()).size < this.#offset) return false;
    const found = await readAt(file, this.#offset - this.#before.length, this.#before.length);
    return found.length === this.#before.length && found.every((byte, i) => byte === this.#before[i]);
  }

  async #read(file: Deno.FsFile): Promise<MetricRow[]> {
    const { size } = await file.stat();
    const bytes = await readAt(file, this.#offset, size - this.#offset);
    const finished = bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
    if (finished.length === 0) return [];
    const rows = await parseMetrics(new TextDecoder().decode(finished), this.#path, this.#lines);
    this.#offset += finished.length;
    this.#lines += finished.reduce((sum, byte) => sum + (byte === NEWLINE ? 1 : 0), 0);
    this.#before = finished.slice(-REMEMBERED);
    return rows;
  }
}

/** The `length` bytes behind `offset`, or what there is of them. */
async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array> {
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(bytes.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}
