import type { SuppressionNumber } from "../train/aids.ts";
import { PAPER_RECIPES, type RecipeNumber } from "../train/config.ts";
import { AID_OPTIONS, aidDefaults } from "./aid_options.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { grouped, textOption } from "./option.ts";
import {
  DATA_OPTIONS,
  DEVICE_OPTIONS,
  instrumentsOption,
  JSON_OPTION,
  MODEL_OPTIONS,
  PROGRESS_OPTION,
  RECIPE_OPTIONS,
} from "./options.ts";

/** The options of `epsilon train`. */
export const TRAIN_OPTIONS = {
  ...MODEL_OPTIONS,
  ...RECIPE_OPTIONS,
  ...AID_OPTIONS,
  ...DATA_OPTIONS,
  ...DEVICE_OPTIONS,
  ...grouped("Run:", {
    out: textOption({ placeholder: "dir", description: "run folder to fill", shownDefault: "runs/ and the time" }),
    resume: textOption({ placeholder: "run", description: "run folder to go on with, exactly where it was saved" }),
    ...instrumentsOption("instruments to read after each epoch, some of", "none"),
    ...PROGRESS_OPTION,
    ...JSON_OPTION,
  }),
};

export type TrainContext = CommandContext<typeof TRAIN_OPTIONS>;

/** The recipe of the model and the numbers of the aids that are asked for, where no other values were given. */
export function modelDefaults(
  { values, origins }: Pick<TrainContext, "values" | "origins">,
): Partial<Record<RecipeNumber | SuppressionNumber, number>> {
  const recipe = Object.entries(PAPER_RECIPES[values.model]) as [RecipeNumber, number][];
  return {
    ...Object.fromEntries(recipe.filter(([key]) => origins[key] === "default")),
    ...aidDefaults({ values, origins }),
  };
}

/** `epsilon train`: trains a model and fills a run folder. */
export const trainCommand = defineCommand({
  name: "train",
  summary: "train a model and fill a run folder",
  description: [
    "Trains a model and fills a run folder: run.json, metrics.csv, timing.csv, best and last checkpoint.",
    "Ctrl-C, SIGTERM and SIGUSR1 save a checkpoint first; --resume then goes on as if nothing had happened.",
  ].join(" "),
  options: TRAIN_OPTIONS,
  configurable: true,
  settle: modelDefaults,
  examples: [
    "epsilon train --epochs 5",
    "epsilon train --data aclImdb --halting soft --out runs/soft",
    "epsilon train --resume runs/soft",
    "epsilon train --config paper.toml --set seed=43",
    "epsilon train --sr state --ars paper --ars-preset optimized",
    "epsilon train --epochs 5 --instruments halting,bins,calibration",
  ],
  run: async (context) => (await import("./train_run.ts")).train(context),
});
