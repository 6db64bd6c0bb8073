import { basename, join, resolve } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { isThere } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";
import { readMetrics, type ReadMetricsOptions } from "./metrics_csv.ts";
import { TABLE_NAMES } from "./run_folder.ts";
import type { MetricRow } from "./schema.ts";

/** A run folder whose tables are to be read. */
export interface RunSource {
  readonly path: string;
  /** How the run is called among the others: its name, or its path where several have one name. */
  readonly label: string;
  /** Whether the label is not the rows' own name. */
  readonly renamed: boolean;
}

export interface ReadRowsOptions {
  /** Told of the half-written last line of a table; it is no row. */
  readonly onUnfinishedLine?: (path: string, text: string) => void;
}

/**
 * The runs in `folders`, ordered by label. Throws DataError when a folder or its `metrics.csv` cannot be read,
 * UsageError when a folder is named twice.
 */
export async function findRuns(folders: readonly string[]): Promise<RunSource[]> {
  const seen = new Set<string>();
  const names: string[] = [];
  for (const folder of folders) {
    const real = await Deno.realPath(folder).catch((error) => {
      throw fileError("Cannot read the run", folder, error);
    });
    if (seen.has(real)) {
      throw new UsageError(`Cannot join runs: ${printable(folder)} is named twice`, "Name each run folder once.");
    }
    seen.add(real);
    names.push(await runName(folder));
  }
  const sources = folders.map((path, i): RunSource => {
    const renamed = names.filter((name) => name === names[i]).length > 1;
    return { path, renamed, label: renamed ? path.replaceAll("\\", "/").replace(/(?<=.)\/+$/, "") : names[i] };
  });
  return sources.toSorted((a, b) => a.label < b.label ? -1 : a.label > b.label ? 1 : 0);
}

async function runName(folder: string): Promise<string> {
  const path = join(folder, TABLE_NAMES.metrics);
  if (!await isThere(path)) {
    throw new DataError(
      `Cannot read the run ${printable(folder)}: it has no ${TABLE_NAMES.metrics}`,
      "Name a folder that `epsilon train` has filled.",
    );
  }
  for await (const { run } of readMetrics(path)) return run;
  return basename(resolve(folder));
}

/** The rows of a run's tables joined: ordered by step, at one step those of `metrics.csv` first. In bounded memory. */
export async function* readRunRows(source: RunSource, options: ReadRowsOptions = {}): AsyncGenerator<MetricRow, void> {
  const open = (name: string) => {
    const path = join(source.path, name);
    const told: ReadMetricsOptions = { onUnfinishedLine: (text) => options.onUnfinishedLine?.(path, text) };
    return readMetrics(path, told);
  };
  const metrics = open(TABLE_NAMES.metrics);
  const timed = await isThere(join(source.path, TABLE_NAMES.timing));
  const rows = timed ? mergeBySteps(metrics, open(TABLE_NAMES.timing)) : metrics;
  for await (const row of rows) yield source.renamed ? { ...row, run: source.label } : row;
}

async function* mergeBySteps(
  first: AsyncGenerator<MetricRow, void>,
  second: AsyncGenerator<MetricRow, void>,
): AsyncGenerator<MetricRow, void> {
  try {
    let late = await second.next();
    for await (const row of first) {
      for (; !late.done && late.value.step < row.step; late = await second.next()) yield late.value;
      yield row;
    }
    for (; !late.done; late = await second.next()) yield late.value;
  } finally {
    await second.return();
  }
}
