import { type CommandContext, defineCommand } from "./command.ts";
import { choiceOption, textOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION, RECIPE_OPTIONS } from "./options.ts";

const OPTIONS = {
  split: choiceOption(["validation", "train", "test", "all"], {
    description: "reviews to judge by; all: every review of --data",
    fallback: "validation",
  }),
  predictions: textOption({
    placeholder: "file",
    description: "CSV file to write with what is said of each review; compare reads RUN/predictions.csv",
  }),
  batchSize: RECIPE_OPTIONS.batchSize,
  haltThreshold: textOption({
    placeholder: "a:b:step",
    description: "one or many thresholds at which tokens halt: accuracy against compute",
    shownDefault: "1 - 1e-6, as in training",
  }),
  out: textOption({
    placeholder: "file",
    description: "CSV file of the thresholds' results",
    shownDefault: "threshold.csv in the run folder",
  }),
  ...DATA_OPTIONS,
  ...DEVICE_OPTIONS,
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

export type EvaluateContext = CommandContext<typeof OPTIONS>;

/** `epsilon evaluate`: judges a trained model on a split. */
export const evaluateCommand = defineCommand({
  name: "evaluate",
  summary: "judge a run or checkpoint on a split",
  description: [
    "Prints accuracy, losses, calibration and depth of a run's best checkpoint, of a checkpoint file, or else of the",
    "built-in model.",
    "Training and validation reviews are told apart as in training; the data is the run's unless --data is given.",
    "With --halt-threshold, judges and times the model at each threshold instead; a threshold.csv that is there is",
    "replaced.",
  ].join(" "),
  positionals: [{ name: "model", description: "run folder or .safetensors file", required: false }],
  options: OPTIONS,
  examples: [
    "epsilon evaluate runs/first",
    "epsilon evaluate runs/first --data aclImdb --split test --json",
    "epsilon evaluate runs/first --halt-threshold 0.1:1:0.1",
    "epsilon evaluate --data reviews.csv --split all",
  ],
  run: async (context) => (await import("./evaluate_run.ts")).evaluate(context),
});
