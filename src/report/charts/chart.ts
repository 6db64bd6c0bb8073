import { appliesTo, INSTRUMENT_NAMES, type InstrumentName, tablesOf } from "../../diagnose/instruments/instruments.ts";
import { tableFile } from "../../diagnose/instruments/table.ts";
import type { InstrumentRow, TableName } from "../instrument_tables.ts";
import type { ReportRun } from "../run.ts";
import type { Drawing } from "./drawing.ts";
import type { Series } from "./series.ts";

/** A chart that runs can be drawn in. */
export interface Chart {
  /** Its name on the command line and of its files, in kebab case. */
  readonly name: string;
  /** Heading under which a page shows it. */
  readonly section: Section;
  /** How it is to be read, in sentences. */
  readonly caption: string;
  /** Instruments whose tables it reads. */
  readonly instruments: readonly TableName[];
  /** Whether it reads step rows. */
  readonly steps?: boolean;
  /** Whether it shows one run only. */
  readonly single?: boolean;
  /** What `run` has not, which completes "it has …": `no bins.csv: run …`; undefined when it can be drawn. */
  readonly lack: (run: ReportRun) => string | undefined;
  /** Draws runs that lack nothing, at least one. */
  readonly draw: (runs: readonly ReportRun[], series: Series) => Drawing;
}

/** Headings of a page, in their order. */
export const SECTIONS = ["Learning", "Depth", "Attention and bins", "Calibration", "Predictions", "Dynamics"] as const;

export type Section = typeof SECTIONS[number];

/** What a run without values of `metric` in its epoch rows lacks. */
export function lackOfMetric(run: ReportRun, metric: string): string | undefined {
  if (run.epochs.some((row) => row.metric === metric && row.value !== null)) return undefined;
  if (run.epochs.length === 0) return "no epoch that has ended";
  return `no ${metric} in its epoch rows`;
}

/** What a run without rows of an instrument lacks; `wanted` tells the rows that count. */
export function lackOfInstrument<Name extends TableName>(
  run: ReportRun,
  name: Name,
  wanted: (row: InstrumentRow<Name>) => boolean = () => true,
): string | undefined {
  const rows: readonly InstrumentRow<Name>[] | undefined = run.instruments[name];
  if (run.broken.has(name)) return `no readable ${tableFile(name)}`;
  if (rows === undefined && !applies(name, run)) return `no ${tableFile(name)}, which its model cannot have`;
  if (rows === undefined) return `no ${tableFile(name)}: run ${remedy(name, run.path)}`;
  return rows.some(wanted) ? undefined : `no such rows in ${tableFile(name)}`;
}

function remedy(name: TableName, path: string): string {
  if (name === "threshold") return `epsilon evaluate ${path} --halt-threshold 0.5:0.95:0.05`;
  return `epsilon diagnose ${path} --instruments ${instrumentOf(name)}`;
}

/** The instrument that fills the table. */
function instrumentOf(name: Exclude<TableName, "threshold">): InstrumentName {
  return INSTRUMENT_NAMES.find((instrument) => tablesOf(instrument).includes(name)) ?? "halting";
}

/** Whether the run's model has what the table is about: the vanilla model has neither bins nor halting. */
function applies(name: TableName, { record }: ReportRun): boolean {
  if (record === undefined) return true;
  return name === "threshold" ? record.model.model === "epsilon" : appliesTo(instrumentOf(name), record.model);
}
