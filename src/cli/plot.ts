import { CHART_NAMES } from "../report/charts/names.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { switchOption, textOption } from "./option.ts";
import { JSON_OPTION } from "./options.ts";

const OPTIONS = {
  chart: textOption({ placeholder: "name", description: "chart to draw; --list names them", choices: CHART_NAMES }),
  out: textOption({
    placeholder: "file",
    description: "SVG file to write, the Vega-Lite specification beside it; .vl.json: the specification alone",
    shownDefault: "the SVG on standard output",
  }),
  list: switchOption({ description: "list the charts" }),
  ...JSON_OPTION,
};

export type PlotContext = CommandContext<typeof OPTIONS>;

/** `epsilon plot`: one chart of runs. */
export const plotCommand = defineCommand({
  name: "plot",
  summary: "draw one chart of runs as SVG, with its Vega-Lite specification",
  description: [
    "Draws one chart of one or many runs from the files in their folders. The specification beside it holds the data and",
    "opens in any Vega tool.",
  ].join(" "),
  positionals: [{ name: "runs", description: "run folders", required: false, variadic: true }],
  options: OPTIONS,
  examples: ["epsilon plot --list", "epsilon plot runs/a runs/b --chart depth --out depth.svg"],
  run: async (context) => (await import("./plot_run.ts")).plot(context),
});
