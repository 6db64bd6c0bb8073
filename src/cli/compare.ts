import { type CommandContext, defineCommand } from "./command.ts";
import { switchOption, textOption } from "./option.ts";
import { JSON_OPTION } from "./options.ts";

const OPTIONS = {
  markdown: switchOption({ description: "print the result as Markdown tables" }),
  csv: switchOption({ description: "print the result as tidy CSV" }),
  out: textOption({ placeholder: "file", description: "file to write", shownDefault: "standard output" }),
  ...JSON_OPTION,
};

export type CompareContext = CommandContext<typeof OPTIONS>;

/** `epsilon compare`: runs side by side. */
export const compareCommand = defineCommand({
  name: "compare",
  summary: "set runs side by side: options, mean and deviation over seeds, paired tests",
  description: [
    "Runs that differ in their seed only are one configuration: it gets means, standard deviations and Student's t",
    "intervals. Differences of means are paired by seed where two seeds or more are shared, else Welch's. Runs with a",
    "predictions.csv (epsilon evaluate RUN --predictions RUN/predictions.csv) are tested pair by pair with McNemar's exact",
    "test on the reviews that both have judged.",
  ].join(" "),
  positionals: [{ name: "runs", description: "run folders", required: true, variadic: true }],
  options: OPTIONS,
  examples: ["epsilon compare runs/exit-42 runs/exit-43 runs/soft-42", "epsilon compare runs/* --markdown"],
  run: async (context) => (await import("./compare_run.ts")).compare(context),
});
