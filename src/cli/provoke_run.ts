import type { Measures } from "../diagnose/provocation/measures.ts";
import { MEASURE_NAMES, WINDOW } from "../diagnose/provocation/measures.ts";
import { PROVOCATION_CSV, readProvocation } from "../metrics/provocation_csv.ts";
import { formatTable } from "./format.ts";
import { jsonDocument, writeLast } from "./output.ts";
import { Progress } from "./progress.ts";
import type { ProvokeContext } from "./provoke.ts";
import { type Ended, resumeRun, startRun } from "./train_run.ts";
import { formatRunSummary } from "./training_summary.ts";

/** The body of `epsilon provoke`. */
export async function provoke(context: ProvokeContext): Promise<number> {
  const { values, terminal } = context;
  const progress = new Progress(values.progress);
  try {
    const { summary, exitCode } = await provokeRun(context, progress);
    const measures = summary.outcome === "interrupted" ? null : await readProvocation(summary.folder);
    progress.clear();
    await writeLast(
      terminal,
      values.json
        ? jsonDocument({ ...summary, provocation: measures })
        : `${formatRunSummary(summary, "provoke")}${measures === null ? "" : formatMeasures(measures)}`,
    );
    return exitCode;
  } finally {
    progress.clear();
  }
}

/** Starts or resumes the provoked run that `context` asks for, to its end or to a signal. */
export async function provokeRun(context: ProvokeContext, progress: Progress): Promise<Ended> {
  const { values, origins } = context;
  const shifting = { values, origins };
  return values.resume === undefined
    ? await startRun(context, progress, shifting)
    : await resumeRun(context, values.resume, progress, shifting);
}

function formatMeasures(measures: Measures): string {
  const rows = MEASURE_NAMES.map((name): [string, string] => {
    const value = measures[name];
    return [name, value === null ? "–" : Number.isInteger(value) ? String(value) : value.toPrecision(4)];
  });
  return `\n${PROVOCATION_CSV}, losses as means over ${WINDOW} steps:\n${formatTable(rows)}`;
}
