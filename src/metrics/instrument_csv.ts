import { join } from "node:path";
import {
  INSTRUMENT_TABLES,
  type InstrumentRow,
  type InstrumentTable,
  PLACE_COLUMNS,
  tableFile,
} from "../diagnose/instruments/table.ts";
import type { InstrumentPlace } from "../diagnose/instruments/training_instruments.ts";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { formatCsvRow } from "../libraries/csv.ts";

/** The file of an instrument's table in `folder`. */
export function instrumentPath(folder: string, table: InstrumentTable): string {
  return join(folder, tableFile(table));
}

/** First line of an instrument's table, with its `\n`. */
export function instrumentHeader(table: InstrumentTable): string {
  return formatCsvRow([...PLACE_COLUMNS, ...INSTRUMENT_TABLES[table]]);
}

/** Rows with their `\n`, by table; none of them holds a line break. Text that a spreadsheet would run is guarded. */
export function formatInstrumentRows(
  run: string,
  { step, epoch, split }: InstrumentPlace,
  rows: readonly InstrumentRow[],
): Map<InstrumentTable, string[]> {
  const texts = new Map<InstrumentTable, string[]>();
  for (const { table, cells } of rows) {
    const lines = texts.get(table) ?? [];
    lines.push(formatCsvRow([run, step, epoch, split, ...cells]));
    texts.set(table, lines);
  }
  return texts;
}

/**
 * The whole rows of an instrument's table, each with its `\n`; undefined when there is no such file. A last line without
 * its `\n` is no row. Throws DataError when the file cannot be read or has another header.
 */
export async function readInstrumentRows(folder: string, table: InstrumentTable): Promise<string[] | undefined> {
  const path = instrumentPath(folder, table);
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("Cannot read", path, error);
  });
  if (text === undefined) return undefined;
  const header = instrumentHeader(table);
  // Its writer was killed before the header was down.
  if (text.length < header.length && header.startsWith(text)) return [];
  if (!text.startsWith(header)) {
    throw new DataError(
      `Cannot add to ${printable(path)}: its header is "${
        printable(text.split("\n", 1)[0])
      }", wanted "${header.trim()}"`,
      "Move the file away, or choose another --out.",
    );
  }
  return text.slice(header.length).split(/(?<=\n)/).filter((line) => line.endsWith("\n"));
}

/**
 * Writes what the instruments showed of `run` at `place` into `tables` of `folder`, each file as a whole or not at all.
 * Rows of the same run and place give way, all others stay. Returns the files. Throws DataError when the disk refuses.
 */
export async function replaceInstrumentRows(
  folder: string,
  run: string,
  place: InstrumentPlace,
  tables: readonly InstrumentTable[],
  rows: readonly InstrumentRow[],
): Promise<string[]> {
  const texts = formatInstrumentRows(run, place, rows);
  const same = formatCsvRow([run, place.step, place.epoch, place.split, ""]).replace(/\n$/, "");
  const kept = await Promise.all(tables.map((table) => readInstrumentRows(folder, table)));
  const paths = tables.map((table) => instrumentPath(folder, table));
  for (const [i, table] of tables.entries()) {
    const others = (kept[i] ?? []).filter((line) => !line.startsWith(same));
    await writeFileAtomically(paths[i], [instrumentHeader(table), ...others, ...texts.get(table) ?? []].join(""));
  }
  return paths;
}

/** Takes from the tables of `folder` the rows beyond a point to which training goes back. */
export async function cutInstrumentTables(
  folder: string,
  { step, epoch }: { readonly step: number; readonly epoch: number },
): Promise<void> {
  for (const table of Object.keys(INSTRUMENT_TABLES) as InstrumentTable[]) {
    const rows = await readInstrumentRows(folder, table);
    if (rows === undefined) continue;
    const stays = rows.filter((row) => {
      const [, rowStep, rowEpoch] = row.split(",", 3);
      return Number(rowStep) <= step && Number(rowEpoch) <= epoch;
    });
    await writeFileAtomically(instrumentPath(folder, table), instrumentHeader(table) + stays.join(""));
  }
}
