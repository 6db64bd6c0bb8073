import { whole } from "../model/range.ts";
import { PAPER_RECIPE, TRAIN_RANGES } from "../train/config.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { choiceOption, numberOption, textOption } from "./option.ts";
import {
  DATA_OPTIONS,
  DEVICE_OPTIONS,
  instrumentsOption,
  JSON_OPTION,
  PROGRESS_OPTION,
  RECIPE_OPTIONS,
} from "./options.ts";

const OPTIONS = {
  ...instrumentsOption("instruments to read, some of", "all"),
  split: choiceOption(["validation", "train", "test", "all"], {
    description: "reviews to look at; all: every review of --data",
    fallback: "validation",
  }),
  limitReviews: numberOption({
    description: "most reviews to look at, chosen by the seed; 0 means all",
    fallback: 0,
    range: whole(0, 1_000_000_000),
  }),
  seed: numberOption({
    description: "seed of samples and random directions",
    fallback: PAPER_RECIPE.seed,
    range: TRAIN_RANGES.seed,
  }),
  batchSize: RECIPE_OPTIONS.batchSize,
  out: textOption({ placeholder: "dir", description: "folder for the tables", shownDefault: "the run folder" }),
  ...DATA_OPTIONS,
  ...DEVICE_OPTIONS,
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

export type DiagnoseContext = CommandContext<typeof OPTIONS>;

/** `epsilon diagnose`: reads the instruments of a trained model. */
export const diagnoseCommand = defineCommand({
  name: "diagnose",
  summary: "look into a run or checkpoint with instruments, each of which writes CSV",
  description: [
    "Reads instruments on a run's best checkpoint, or on a checkpoint file, writes a table for each and prints the",
    "leading figures. Rows of the same run, step and split give way, others stay. The tokens of 20 reviews are kept,",
    "and the Jacobian is taken at each step of 4 reviews; all other instruments look at all reviews.",
  ].join(" "),
  positionals: [{ name: "model", description: "run folder or .safetensors file", required: true }],
  options: OPTIONS,
  examples: [
    "epsilon diagnose runs/first",
    "epsilon diagnose runs/first --instruments halting,bins --json",
    "epsilon diagnose best.safetensors --split all --data reviews.csv --limit-reviews 200 --out tables",
  ],
  run: async (context) => (await import("./diagnose_run.ts")).diagnose(context),
});
