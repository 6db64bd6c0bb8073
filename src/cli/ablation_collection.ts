import { join } from "node:path";
import { dirname } from "node:path";
import type { MeasureName } from "../diagnose/provocation/measures.ts";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { printable } from "../files/printable.ts";
import { ablationCharts } from "../report/ablation/charts.ts";
import { type AblationRun, readAblationRun } from "../report/ablation/runs.ts";
import {
  type ArmSummary,
  curvesCsv,
  meanCurves,
  runsCsv,
  summarizeAblation,
  summaryCsv,
} from "../report/ablation/summary.ts";
import { saveChart } from "../report/render.ts";
import { BROKEN, doneMark, lineFolder } from "./ablation_line.ts";
import type { PlannedLine } from "./ablation_plan.ts";
import { formatColumns } from "./format.ts";

/** What has come of a plan. */
export interface AblationResult {
  readonly folder: string;
  readonly runs: number;
  readonly done: number;
  readonly files: readonly string[];
  readonly summary: readonly ArmSummary[];
}

/**
 * Collects the runs of the plan `path` that are done into tables and charts beside it: a function of their metrics
 * alone. Throws DataError when none is done, or a run's files cannot be read.
 */
export async function collectPlan(path: string, lines: readonly PlannedLine[]): Promise<AblationResult> {
  const runs: AblationRun[] = [];
  for (const line of lines) {
    const folder = lineFolder(path, line);
    const mark = await doneMark(folder);
    if (mark !== undefined) runs.push(await readAblationRun(line, folder, mark === BROKEN));
  }
  if (runs.length === 0) {
    throw new DataError(
      `Cannot collect ${printable(path)}: none of its ${lines.length} runs is done`,
      `Run epsilon ablate run ${printable(path)} first.`,
    );
  }
  const folder = dirname(path);
  const summary = summarizeAblation(runs, lines[0].baseline);
  const curves = meanCurves(runs);
  const tables = { "ablation.csv": runsCsv(runs), "summary.csv": summaryCsv(summary), "curves.csv": curvesCsv(curves) };
  for (const [name, text] of Object.entries(tables)) await writeFileAtomically(join(folder, name), text);
  const charts = ablationCharts(runs, curves);
  for (const { name, drawing } of charts) await saveChart(join(folder, `${name}.svg`), drawing);
  const files = [...Object.keys(tables), ...charts.map(({ name }) => `${name}.svg`)];
  return { folder, runs: lines.length, done: runs.length, files, summary };
}

/** Measures that people are shown; the tables have all. */
const SHOWN: readonly MeasureName[] = ["loss_area", "loss_final", "accuracy_final", "weight_norm_max", "diverged_loss"];

/** The result for people: of each arm means, and how far they lie from the baseline's. */
export function formatAblation({ folder, runs, done, files, summary }: AblationResult): string {
  const rows = SHOWN.flatMap((measure) =>
    summary.filter((row) => row.measure === measure).map(({ scenario, arm, sample, difference }) => [
      measure,
      scenario,
      arm,
      String(sample.n),
      shown(sample.mean),
      sample.sd === null ? "–" : shown(sample.sd),
      difference === undefined ? "–" : shown(difference.difference),
      difference === undefined ? "–" : `[${shown(difference.interval.lower)}, ${shown(difference.interval.upper)}]`,
    ])
  );
  const headings = ["measure", "scenario", "arm", "seeds", "mean", "± sd", "less baseline", "95 % interval"];
  return `${formatColumns(headings, rows)}\n${done} of ${runs} runs are done; ${folder} holds ${files.join(", ")}\n`;
}

function shown(value: number): string {
  return value === 0 ? "0" : value.toPrecision(4);
}

/** The summary as `--json` prints it. */
export function ablationJson({ summary, ...result }: AblationResult): object {
  return {
    ...result,
    summary: summary.map(({ scenario, arm, measure, sample, difference }) => ({
      ...{ scenario, arm, measure, seeds: sample.n, mean: sample.mean, sd: sample.sd, interval: sample.interval },
      difference: difference ?? null,
    })),
  };
}
