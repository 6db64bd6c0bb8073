import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { RunError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import type { CollectContext, GridContext, PlanContext, RunContext } from "./ablate.ts";
import { ablationJson, collectPlan, formatAblation } from "./ablation_collection.ts";
import { readGrid } from "./ablation_grid.ts";
import { type LineResult, runLines } from "./ablation_jobs.ts";
import { doneMark, lineFolder, prepareData, requireRunnable, runLine } from "./ablation_line.ts";
import { planGrid, type PlannedLine, readPlan, writePlan } from "./ablation_plan.ts";
import { Interruption } from "./interruption.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import { Progress } from "./progress.ts";

const DEFAULT_FOLDER = "ablation";

/** The body of `epsilon ablate grid`. */
export async function ablateGrid(context: GridContext): Promise<number> {
  const { values, positionals: [grid], terminal } = context;
  const { path, lines } = await plan(grid, values.out, terminal);
  const exitCode = await runAll(path, lines, context);
  if (exitCode !== 0) return exitCode;
  const result = await collectPlan(path, lines);
  await terminal.write(values.json ? jsonDocument(ablationJson(result)) : formatAblation(result));
  return 0;
}

/** The body of `epsilon ablate plan`. */
export async function planAblation({ values, positionals: [grid], terminal }: PlanContext): Promise<number> {
  const { path, lines } = await plan(grid, values.out, terminal);
  await terminal.write(
    values.json ? jsonDocument({ plan: path, runs: lines.length }) : `${printable(path)}: ${lines.length} runs\n`,
  );
  return 0;
}

/** The body of `epsilon ablate run`. */
export async function runAblation(context: RunContext): Promise<number> {
  const { values: { line: number }, positionals: [path], terminal } = context;
  const lines = await readPlan(path);
  if (number === 0) return await runAll(path, lines, context);
  const line = lines.find((planned) => planned.line === number);
  if (line !== undefined) return await runLine(path, line, terminal);
  throw new UsageError(
    `Cannot run line ${number} of ${printable(path)}: it has ${lines.length} lines`,
    `Give --line from 1 to ${lines.length}.`,
  );
}

/** The body of `epsilon ablate collect`. */
export async function collectAblation({ values, positionals: [path], terminal }: CollectContext): Promise<number> {
  const lines = await readPlan(path);
  const result = await collectPlan(path, lines);
  if (result.done < result.runs) terminal.warn(`${result.runs - result.done} of ${result.runs} runs are not done yet.`);
  await terminal.write(values.json ? jsonDocument(ablationJson(result)) : formatAblation(result));
  return 0;
}

async function plan(
  grid: string,
  out: string | undefined,
  terminal: Terminal,
): Promise<{ readonly path: string; readonly lines: readonly PlannedLine[] }> {
  const lines = planGrid(await readGrid(grid));
  for (const line of lines) requireRunnable(line, terminal);
  return { path: await writePlan(out ?? DEFAULT_FOLDER, lines), lines };
}

/** Works on all lines that are not done; a line that fails costs no other, and is told at the end. */
async function runAll(
  path: string,
  lines: readonly PlannedLine[],
  { values, terminal }: Pick<RunContext, "terminal"> & {
    readonly values: Pick<RunContext["values"], "jobs" | "progress">;
  },
): Promise<number> {
  const marks = await Promise.all(lines.map((line) => doneMark(lineFolder(path, line))));
  const open = lines.filter((_, i) => marks[i] === undefined);
  const progress = new Progress(values.progress);
  const failed: LineResult[] = [];
  let done = lines.length - open.length;
  const tell = () => progress.update({ label: "runs", done, total: lines.length });
  try {
    await prepareData(open, progress, terminal);
    using interruption = new Interruption((signal) =>
      progress.milestone(`${signal}: the runs under way save and end`, { kind: "signal", signal })
    );
    progress.begin();
    progress.milestone(`${lines.length} runs, ${done} done; ${dirname(path)}`, {
      kind: "start",
      runs: lines.length,
      done,
    });
    tell();
    const onResult = (result: LineResult) => {
      if (result.code === 0) done++;
      else if (!interruption.signal.aborted) failed.push(result);
      tell();
    };
    const jobs = values.jobs === 0 ? availableParallelism() : values.jobs;
    const working = { plan: path, lines: open.map(({ line }) => line), jobs, signal: interruption.signal, onResult };
    await runLines(working);
    progress.clear();
    if (interruption.signal.aborted) {
      terminal.say("Interrupted: the same command goes on from here.");
      return interruption.exitCode ?? 1;
    }
  } finally {
    progress.clear();
  }
  if (failed.length === 0) return 0;
  const [{ line, code, lastWords }] = failed.toSorted((a, b) => a.line - b.line);
  throw new RunError(
    `Cannot finish ${failed.length} of ${lines.length} runs, the first line ${line} of ${printable(path)} ` +
      `(exit code ${code}): ${printable(lastWords)}`,
    "Mend that; the same command works on these runs again.",
  );
}
