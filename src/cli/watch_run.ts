import { DataError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { FollowedRun } from "../metrics/followed_run.ts";
import { suggestName } from "../nearest.ts";
import { Interruption } from "./interruption.ts";
import { screen } from "./screen.ts";
import type { WatchContext } from "./watch.ts";
import { WATCHED_METRICS } from "./watch.ts";
import { JsonWatch, LineWatch, OnceWatch, ScreenWatch, type WatchDisplay } from "./watch_display.ts";

const DEFAULT_METRICS = ["loss", "accuracy", "halting_depth_mean"];

/** The body of `epsilon watch`. */
export async function watch(context: WatchContext): Promise<number> {
  const { values, positionals, terminal } = context;
  const run = new FollowedRun(positionals[0]);
  const display = chooseDisplay(context, watchedMetrics(values.metrics));
  using interruption = new Interruption(() => {});
  await using shown = display;
  let told = false;
  while (true) {
    const changed = await run.look();
    const { record } = run;
    if (record === undefined && values.once) throw noRun(run.path);
    const ended = values.once || record !== undefined && record.outcome !== "running";
    if (record === undefined && !told) {
      terminal.say(`Waiting for ${printable(run.path)}: there is no run yet; Ctrl-C ends`);
      told = true;
    }
    if (record !== undefined && (changed || ended)) await shown.show(run, ended);
    if (ended) return 0;
    await shown.wait(values.interval * 1000, interruption.signal);
    if (interruption.exitCode !== undefined) return interruption.exitCode;
  }
}

function chooseDisplay({ values, terminal }: WatchContext, metrics: readonly string[]): WatchDisplay {
  if (values.json) return new JsonWatch(terminal);
  if (values.once) return new OnceWatch(terminal, metrics);
  return screen("stdout").redraws ? new ScreenWatch(terminal, metrics) : new LineWatch(terminal);
}

function watchedMetrics(list: string | undefined): readonly string[] {
  if (list === undefined) return DEFAULT_METRICS;
  return list.split(",").map((name) => name.trim()).map((name) => {
    if (WATCHED_METRICS.includes(name)) return name;
    throw new UsageError(
      `Cannot draw ${printable(name)}: there is no such metric`,
      suggestName(name, WATCHED_METRICS, `Name some of ${WATCHED_METRICS.join(", ")}.`),
    );
  });
}

function noRun(path: string): DataError {
  return new DataError(
    `Cannot watch ${printable(path)}: there is no run`,
    "Name a folder that `epsilon train` fills, or leave --once out to wait for it.",
  );
}
