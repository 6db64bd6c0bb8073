import { join } from "node:path";
import { measure, MEASURE_NAMES, type MeasureName, type Measures } from "../diagnose/provocation/measures.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import { readMetrics } from "./metrics_csv.ts";
import { TABLE_NAMES } from "./run_folder.ts";
import type { RunRecord } from "./run_json.ts";
import { fieldFault, readTable } from "./table_csv.ts";

/** Name of the file in the run folder: how the run took its shift. */
export const PROVOCATION_CSV = "provocation.csv";

const COLUMNS = ["run", "measure", "value"] as const;
const HINT = "The file was changed after epsilon wrote it; remove it and run epsilon provoke --resume with its run.";

/**
 * The measures of the run in `folder`, from its `metrics.csv`; `broken` tells that a value that is not finite ended it.
 * Throws DataError when the table cannot be read.
 */
export async function measureRun(
  folder: string,
  { model, provocation }: Pick<RunRecord, "model" | "provocation">,
  broken: boolean,
): Promise<Measures> {
  const rows = await Array.fromAsync(readMetrics(join(folder, TABLE_NAMES.metrics)));
  const shifting = provocation === undefined ? {} : { shiftStep: provocation.shiftAt };
  return measure(rows, { ...shifting, broken, classes: model.numClasses });
}

/** Writes `provocation.csv` of `folder` as a whole or not at all; throws DataError when the disk refuses. */
export async function writeProvocation(folder: string, run: string, measures: Measures): Promise<void> {
  const rows = MEASURE_NAMES.map((name) => formatCsvRow([run, name, measures[name]]));
  await writeFileAtomically(join(folder, PROVOCATION_CSV), [formatCsvRow(COLUMNS), ...rows].join(""));
}

/** The measures in `provocation.csv` of `folder`; throws DataError with the line for what epsilon does not write. */
export async function readProvocation(folder: string): Promise<Measures> {
  const path = join(folder, PROVOCATION_CSV);
  const found = new Map<MeasureName, number | null>();
  for await (const { values: [, name, value], line } of readTable(path, { columns: COLUMNS, hint: HINT })) {
    const known = MEASURE_NAMES.find((one) => one === name);
    if (known === undefined) throw fieldFault({ path, line, hint: HINT }, "measure", name, MEASURE_NAMES.join(", "));
    const number = value === "" ? null : Number(value);
    if (Number.isNaN(number)) throw fieldFault({ path, line, hint: HINT }, "value", value, "a number or nothing");
    found.set(known, number);
  }
  return Object.fromEntries(MEASURE_NAMES.map((name) => [name, found.get(name) ?? null])) as Measures;
}
