import { dirname, join } from "node:path";
import { RunError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { RUN_JSON } from "../metrics/run_json.ts";
import { NonFiniteLossError } from "../train/non_finite_loss.ts";
import { DONE_NAME, type PlannedLine } from "./ablation_plan.ts";
import { resolveOptions } from "./configuration.ts";
import type { Terminal } from "./output.ts";
import { Progress } from "./progress.ts";
import { chooseShift } from "./provocation.ts";
import { PROVOKE_OPTIONS, type ProvokeContext } from "./provoke.ts";
import { chooseData, loadReviews } from "./reviews.ts";
import { modelConfigOf, recipeOf } from "./run_configuration.ts";
import { modelDefaults } from "./train.ts";
import { type Ended, resumeRun, startRun } from "./train_run.ts";

/** How a run ended whose loss or gradient was not finite. */
export const BROKEN = "not-finite";

/** What a run's `DONE` says: how it ended; undefined while it is not done. */
export async function doneMark(folder: string): Promise<string | undefined> {
  return (await Deno.readTextFile(join(folder, DONE_NAME)).catch(() => undefined))?.trim();
}

/** The folder of a line of the plan `path`. */
export function lineFolder(path: string, { folder }: PlannedLine): string {
  return join(dirname(path), folder);
}

/** What the options of a line come to, and `more`; the environment's do not bear on a plan. */
function lineContext(
  { options, scenario, arm }: PlannedLine,
  more: ReadonlyMap<string, string>,
  terminal: Terminal,
): ProvokeContext {
  const file = { path: `arm ${arm} of scenario ${scenario}`, entries: options };
  const resolved = resolveOptions(PROVOKE_OPTIONS, {
    flags: more,
    assignments: [],
    environment: () => undefined,
    file,
  });
  return {
    ...resolved,
    values: { ...resolved.values, ...modelDefaults(resolved) },
    positionals: [],
    terminal,
  };
}

/** Throws UsageError when the options of a line do not fit together: hours of other runs must not come before that. */
export function requireRunnable(line: PlannedLine, terminal: Terminal): void {
  const context = lineContext(line, new Map(), terminal);
  recipeOf(context);
  modelConfigOf(context, 1);
  if (line.command === "provoke") chooseShift(context.values, context.origins, context.values.maxSeqLength);
}

/**
 * Trains the run of a line of the plan `path` to its end, from where it was, and marks it as done. A loss that is not
 * finite is an end like any other: it is what the run shows. Returns the exit code, that of a signal for an
 * interrupted run. Throws what training throws otherwise.
 */
export async function runLine(path: string, line: PlannedLine, terminal: Terminal): Promise<number> {
  const folder = lineFolder(path, line);
  if (await doneMark(folder) !== undefined) return 0;
  const quiet: Terminal = { ...terminal, say: () => {}, warn: () => {} };
  const progress = new Progress("off");
  const started = await Deno.stat(join(folder, RUN_JSON)).then(() => true, () => false);
  const context = lineContext(line, started ? new Map() : new Map([["out", folder]]), quiet);
  const shifting = line.command === "provoke" ? context : undefined;
  let ended: Ended;
  try {
    ended = started
      ? await resumeRun(context, folder, progress, shifting)
      : await startRun(context, progress, shifting);
  } catch (error) {
    if (!(error instanceof RunError && error.cause instanceof NonFiniteLossError)) throw error;
    await writeFileAtomically(join(folder, DONE_NAME), `${BROKEN}\n`);
    return 0;
  }
  if (ended.exitCode === 0) await writeFileAtomically(join(folder, DONE_NAME), `${ended.summary.outcome}\n`);
  return ended.exitCode;
}

/** Reads and tokenizes what the lines train on once, so that runs side by side find it in the cache. */
export async function prepareData(
  lines: readonly PlannedLine[],
  progress: Progress,
  terminal: Terminal,
): Promise<void> {
  const seen = new Set<string>();
  for (const line of lines) {
    const { values } = lineContext(line, new Map(), terminal);
    const data = await chooseData(values);
    for (
      const own of line.command === "provoke" && values.shift === "domain" ? [data.data, values.shiftData] : [data.data]
    ) {
      const reading = { ...data, data: own };
      const key = JSON.stringify(reading);
      if (!seen.has(key)) await loadReviews({ data: reading, threads: 0, split: "train", progress, terminal });
      seen.add(key);
    }
  }
}
