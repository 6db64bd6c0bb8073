import { type CommandContext, defineCommand } from "./command.ts";
import { textOption } from "./option.ts";
import { JSON_OPTION } from "./options.ts";

const OPTIONS = {
  out: textOption({
    placeholder: "file",
    description: "HTML file to write; the charts' specifications go into a folder beside it",
    shownDefault: "report.html",
  }),
  title: textOption({ description: "heading of the page", shownDefault: "the runs' name or number" }),
  ...JSON_OPTION,
};

export type ReportContext = CommandContext<typeof OPTIONS>;

/** `epsilon report`: a page about runs. */
export const reportCommand = defineCommand({
  name: "report",
  summary: "make a self-contained HTML page about one or many runs",
  description: [
    "Reads run folders and writes one HTML page: summary, learning curves, depth, bins, calibration, predictions and",
    "reviews with their tokens shaded by halting step. The page needs no network and no scripts. What a run lacks is",
    "named on it.",
  ].join(" "),
  positionals: [{ name: "runs", description: "run folders", required: true, variadic: true }],
  options: OPTIONS,
  examples: ["epsilon report runs/first", "epsilon report runs/* --out comparison.html --title 'Exit against soft'"],
  run: async (context) => (await import("./report_run.ts")).report(context),
});
