import type { InstrumentRow, InstrumentTable } from "../diagnose/instruments/table.ts";
import type { InstrumentPlace } from "../diagnose/instruments/training_instruments.ts";
import { AppendedCsv } from "./appended_csv.ts";
import { formatInstrumentRows, instrumentHeader, instrumentPath, readInstrumentRows } from "./instrument_csv.ts";

/** The instruments' tables of a run that is being written; each is opened when its first rows come. */
export class InstrumentFiles {
  readonly #folder: string;
  readonly #run: string;
  readonly #open = new Map<InstrumentTable, AppendedCsv>();

  constructor(folder: string, run: string) {
    this.#folder = folder;
    this.#run = run;
  }

  /** Appends rows. Throws DataError when the disk refuses or a file has another header. */
  async append(place: InstrumentPlace, rows: readonly InstrumentRow[]): Promise<void> {
    for (const [table, lines] of formatInstrumentRows(this.#run, place, rows)) {
      await (await this.#table(table)).append(lines);
    }
  }

  /** Returns when all rows are on the disk. */
  async sync(): Promise<void> {
    for (const csv of this.#open.values()) await csv.sync();
  }

  close(): void {
    for (const csv of this.#open.values()) csv.close();
    this.#open.clear();
  }

  async #table(table: InstrumentTable): Promise<AppendedCsv> {
    const open = this.#open.get(table);
    if (open !== undefined) return open;
    const path = instrumentPath(this.#folder, table), header = instrumentHeader(table);
    const there = await readInstrumentRows(this.#folder, table);
    const csv = there === undefined
      ? await AppendedCsv.create(path, header)
      : await AppendedCsv.reopen(path, header, there.length);
    this.#open.set(table, csv);
    return csv;
  }
}
