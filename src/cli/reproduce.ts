import { type CommandContext, defineCommand } from "./command.ts";
import { grouped, textOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION, RECIPE_OPTIONS } from "./options.ts";

/** Models of a reproduction, in the order of its table. */
export const REPRODUCED_MODELS = ["exit", "soft", "repeat", "vanilla"] as const;
export type ReproducedModel = typeof REPRODUCED_MODELS[number];

const OPTIONS = {
  ...grouped("Plan:", {
    seeds: textOption({
      placeholder: "a,b,…",
      description: "seeds of the runs of each model",
      shownDefault: "42,43,44",
    }),
    vanillaSeeds: textOption({
      placeholder: "a,b,…",
      description: "seeds of the runs of vanilla, each of which takes several times as long as any other",
      shownDefault: "those of --seeds",
    }),
    models: textOption({
      placeholder: "a,b,…",
      description: "of exit, soft, repeat and vanilla; repeat takes its k from exit's mean steps",
      words: REPRODUCED_MODELS,
      shownDefault: "all four",
    }),
    epochs: RECIPE_OPTIONS.epochs,
    limitBatches: RECIPE_OPTIONS.limitBatches,
    patience: RECIPE_OPTIONS.patience,
    out: textOption({
      placeholder: "dir",
      description: "folder of the results; the runs lie in its runs/MODEL-SEED",
      shownDefault: "reproduction",
    }),
    testData: textOption({
      placeholder: "path",
      description: "folder or archive whose test split judges the best checkpoints",
      shownDefault: "none: no test accuracy",
    }),
  }),
  ...DATA_OPTIONS,
  ...DEVICE_OPTIONS,
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

export type ReproduceContext = CommandContext<typeof OPTIONS>;

/** `epsilon reproduce`: the paper's table and figures, end to end. */
export const reproduceCommand = defineCommand({
  name: "reproduce",
  summary: "make the paper's table and figures, end to end",
  description: [
    "Trains each model with each seed by the paper's recipe, then writes README.md with the table and where it differs",
    "from the paper, results.csv, summary.csv, timing.csv and the figures. Runs that are finished are taken as they are,",
    "also those that epsilon train has put in their place, once their configuration is that of the plan; interrupted",
    "ones go on. The same command after an interruption goes on where it was.",
  ].join(" "),
  options: OPTIONS,
  examples: [
    "epsilon reproduce --data aclImdb --out reproduction",
    "epsilon reproduce --seeds 1,2 --models exit,repeat --epochs 2 --limit-batches 10",
  ],
  run: async (context) => (await import("./reproduce_run.ts")).reproduce(context),
});
