import { METRIC_NAMES, TIMING_NAMES } from "../metrics/schema.ts";
import { real } from "../model/range.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { numberOption, switchOption, textOption } from "./option.ts";

/** What can be drawn. */
export const WATCHED_METRICS: readonly string[] = [...METRIC_NAMES, ...TIMING_NAMES];

const OPTIONS = {
  metrics: textOption({
    placeholder: "list",
    description: "metrics to draw, with commas between",
    words: WATCHED_METRICS,
    shownDefault: "loss,accuracy,halting_depth_mean",
  }),
  interval: numberOption({
    description: "seconds between two looks at the folder",
    fallback: 2,
    range: real(0.1, 3600),
  }),
  once: switchOption({ description: "draw what there is now and end" }),
  json: switchOption({ description: "print where the run stands as one JSON object a line, at each change" }),
};

export type WatchContext = CommandContext<typeof OPTIONS>;

/** `epsilon watch`: learning curves in the terminal. */
export const watchCommand = defineCommand({
  name: "watch",
  summary: "draw a run's learning curves in the terminal while it trains",
  description: [
    "Reads metrics.csv and timing.csv of a run folder while another process, here or on another machine, fills it, and",
    "draws lines for training and marks for validation. Waits for a run that is not there yet, and ends with the run;",
    "of one that has ended it draws the curves once. Where standard output is no terminal it prints a line an epoch.",
  ].join(" "),
  positionals: [{ name: "run", description: "run folder", required: true }],
  options: OPTIONS,
  examples: [
    "epsilon watch runs/first",
    "epsilon watch runs/first --metrics loss,grad_norm,learning_rate",
    "epsilon watch runs/first --once --json",
  ],
  run: async (context) => (await import("./watch_run.ts")).watch(context),
});
