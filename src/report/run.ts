import { join } from "node:path";
import { tableFile } from "../diagnose/instruments/table.ts";
import { EpsilonError } from "../errors.ts";
import { isThere } from "../files/is_there.ts";
import { readRunJson, type RunRecord } from "../metrics/run_json.ts";
import { findRuns, readRunRows, type RunSource } from "../metrics/run_rows.ts";
import type { MetricRow } from "../metrics/schema.ts";
import { type InstrumentRow, readInstrument, type TableName } from "./instrument_tables.ts";

/** The value of a metric at the end of an epoch. */
export interface EpochValue extends Pick<MetricRow, "step" | "split" | "metric" | "value"> {
  /** From 1. */
  readonly epoch: number;
}

/** Tables of instruments; those that the run folder lacks are undefined. */
export type Instruments = { readonly [Name in TableName]?: readonly InstrumentRow<Name>[] };

/** What a report knows of a run; nothing in it is made up. */
export interface ReportRun {
  /** How the run is called among the others. */
  readonly label: string;
  readonly path: string;
  /** Undefined when there is no readable `run.json`. */
  readonly record: RunRecord | undefined;
  /** Epoch rows of `metrics.csv` and `timing.csv`, by step. */
  readonly epochs: readonly EpochValue[];
  /** Step rows of the same files; empty unless asked for. */
  readonly steps: readonly Omit<MetricRow, "run" | "epoch">[];
  readonly instruments: Instruments;
  /** Instruments whose tables are there but cannot be read; a note tells why. */
  readonly broken: ReadonlySet<TableName>;
  /** Reviews in `tokens.csv`, of which `instruments.tokens` holds the first few. */
  readonly tokenReviews: number;
  /** What is broken or half-written in the folder, in sentences without a full stop. */
  readonly notes: readonly string[];
}

export interface ReadRunsOptions {
  /** Instruments whose tables are read. */
  readonly instruments: readonly TableName[];
  /** Whether step rows are kept. */
  readonly steps?: boolean;
}

/** Reviews of a `tokens.csv` that are kept. */
const KEPT_REVIEWS = 12;

/**
 * Reads run folders for a report, ordered by label. A broken `run.json` or instrument becomes a note of its run. Throws
 * DataError when a folder is no run or its metrics are broken, UsageError when one is named twice.
 */
export async function readRuns(folders: readonly string[], options: ReadRunsOptions): Promise<ReportRun[]> {
  const runs: ReportRun[] = [];
  for (const source of await findRuns(folders)) runs.push(await readRun(source, options));
  return runs;
}

async function readRun(source: RunSource, options: ReadRunsOptions): Promise<ReportRun> {
  const notes: string[] = [];
  const record = await noting(notes, () => readRunJson(source.path));
  const epochs: EpochValue[] = [];
  const steps: Omit<MetricRow, "run" | "epoch">[] = [];
  const onUnfinishedLine = (path: string) => notes.push(halfWritten(path));
  for await (const { run: _run, epoch, ...row } of readRunRows(source, { onUnfinishedLine })) {
    if (epoch !== null) epochs.push({ epoch, ...row });
    else if (options.steps) steps.push(row);
  }
  const read = await readInstruments(source.path, options.instruments, notes);
  return { label: source.label, path: source.path, record, epochs, steps, ...read, notes };
}

async function readInstruments(
  folder: string,
  names: readonly TableName[],
  notes: string[],
): Promise<Pick<ReportRun, "instruments" | "broken" | "tokenReviews">> {
  const tables: Record<string, readonly object[]> = {};
  const broken = new Set<TableName>();
  let tokenReviews = 0;
  for (const name of names) {
    const path = join(folder, tableFile(name));
    if (!await isThere(path)) continue;
    const done = await noting(notes, async () => {
      const rows = readInstrument(path, name, () => notes.push(halfWritten(path)));
      if (name === "tokens") {
        const kept = await firstReviews(rows as AsyncGenerator<InstrumentRow<"tokens">>);
        tokenReviews = kept.reviews;
        tables[name] = kept.rows;
      } else {
        tables[name] = await Array.fromAsync(rows);
      }
      return true;
    });
    if (done === undefined) broken.add(name);
  }
  return { instruments: tables as Instruments, broken, tokenReviews };
}

/** Rows of the first reviews of the last measurement, and how many reviews that measurement has. */
async function firstReviews(
  rows: AsyncIterable<InstrumentRow<"tokens">>,
): Promise<{ readonly rows: InstrumentRow<"tokens">[]; readonly reviews: number }> {
  let kept: InstrumentRow<"tokens">[] = [];
  let seen = new Set<number>();
  let chosen = new Set<number>();
  let measurement = "";
  for await (const row of rows) {
    const own = `${row.step},${row.split}`;
    if (own !== measurement) {
      measurement = own;
      kept = [];
      seen = new Set();
      chosen = new Set();
    }
    seen.add(row.review);
    if (seen.size <= KEPT_REVIEWS) chosen.add(row.review);
    if (chosen.has(row.review)) kept.push(row);
  }
  return { rows: kept, reviews: seen.size };
}

/** The rows of a table's last measurement: its greatest step, and the split that was measured last at it. */
export function lastMeasurement<Row extends { readonly step: number | null; readonly split: string }>(
  rows: readonly Row[],
): readonly Row[] {
  const steps = rows.flatMap(({ step }) => step === null ? [] : [step]);
  const step = steps.length === 0 ? null : steps.reduce((greatest, own) => Math.max(greatest, own));
  const split = rows.findLast((row) => row.step === step)?.split;
  return rows.filter((row) => row.step === step && row.split === split);
}

function halfWritten(path: string): string {
  return `${path} ends in a half-written line, which is left out`;
}

async function noting<T>(notes: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EpsilonError)) throw error;
    notes.push(error.message);
    return undefined;
  }
}
