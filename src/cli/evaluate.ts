import { type CommandContext, defineCommand } from "./command.ts";
import { choiceOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION, RECIPE_OPTIONS } from "./options.ts";

const OPTIONS = {
  split: choiceOption(["validation", "train", "test", "all"], {
    description: "reviews to judge by; all: every review of --data",
    fallback: "validation",
  }),
  batchSize: RECIPE_OPTIONS.batchSize,
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
    "Prints accuracy, losses, calibration and depth of a run's best checkpoint, or of a checkpoint file.",
    "Training and validation reviews are told apart as in training; the data is the run's unless --data is given.",
  ].join(" "),
  positionals: [{ name: "model", description: "run folder or .safetensors file", required: true }],
  options: OPTIONS,
  examples: ["epsilon evaluate runs/first", "epsilon evaluate runs/first --data aclImdb --split test --json"],
  run: async (context) => (await import("./evaluate_run.ts")).evaluate(context),
});
