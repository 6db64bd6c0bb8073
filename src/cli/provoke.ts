import { SHIFTS } from "../data/shift.ts";
import { whole } from "../model/range.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { choiceOption, grouped, numberOption, textOption } from "./option.ts";
import { modelDefaults, TRAIN_OPTIONS } from "./train.ts";

/** How the distribution shifts. */
export const SHIFT_OPTIONS = grouped("Shift:", {
  shift: choiceOption(SHIFTS, {
    description: "reversed tokens, swapped labels, reviews cut short, or the reviews of another file",
    fallback: "reverse",
  }),
  shiftAt: numberOption({
    description: "optimizer steps before the shift",
    fallback: 300,
    range: whole(1, 1_000_000_000),
  }),
  shiftLength: numberOption({
    description: "tokens to which --shift short cuts a review",
    fallback: 32,
    range: whole(2, 16_384),
  }),
  shiftData: textOption({
    placeholder: "path",
    description: "reviews of --shift domain, in any form that --data takes",
  }),
});

/** The options of `epsilon provoke`. */
export const PROVOKE_OPTIONS = { ...SHIFT_OPTIONS, ...TRAIN_OPTIONS };

export type ProvokeContext = CommandContext<typeof PROVOKE_OPTIONS>;

/** `epsilon provoke`: trains while the distribution of the reviews shifts. */
export const provokeCommand = defineCommand({
  name: "provoke",
  summary: "train while the distribution shifts, and tell what that does",
  description: [
    "Trains as epsilon train does, and from a step on with other reviews. The run folder also gets provocation.csv: loss",
    "behind the shift (area, peak, final), steps to recover, norms of weights and updates, accuracy on both distributions,",
    "values that are not finite, and whether the run counts as diverged. Ctrl-C saves; --resume goes on.",
  ].join(" "),
  options: PROVOKE_OPTIONS,
  configurable: true,
  settle: modelDefaults,
  examples: [
    "epsilon provoke --shift swap-labels --shift-at 300 --epochs 1 --limit-batches 1000 --learning-rate 3e-3",
    "epsilon provoke --shift domain --shift-data books.csv --model vanilla --out runs/books",
    "epsilon provoke --resume runs/books",
  ],
  run: async (context) => (await import("./provoke_run.ts")).provoke(context),
});
