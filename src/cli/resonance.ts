import { whole } from "../model/range.ts";
import { TRAIN_RANGES } from "../train/config.ts";
import { PUBLISHED_RESONANCE, RESONANCE_RANGES } from "../train/stochastic_resonance.ts";
import { type CommandContext, type CommandGroup, defineCommand } from "./command.ts";
import { numberOption, switchOption, textOption } from "./option.ts";
import { JSON_OPTION } from "./options.ts";

const BENCH_OPTIONS = {
  steps: numberOption({ description: "steps of the descent", fallback: 100, range: whole(1, 1_000_000) }),
  dim: numberOption({ description: "coordinates", fallback: 128, range: whole(1, 100_000) }),
  seed: numberOption({ description: "seed of start, optimum and noise", fallback: 42, range: TRAIN_RANGES.seed }),
  srPatience: numberOption({
    description: "stagnant steps before the gain grows; 1 in the published formula",
    fallback: PUBLISHED_RESONANCE.patience,
    range: RESONANCE_RANGES.patience,
  }),
  verbose: switchOption({ description: "gain and loss every ten steps" }),
  controls: switchOption({ description: "also without noise, with a fixed gain, and on surfaces of known optimum" }),
  seeds: numberOption({ description: "seeds of the controls, from --seed on", fallback: 20, range: whole(2, 1000) }),
  out: textOption({
    placeholder: "dir",
    description: "folder that receives controls.csv, controls.svg and its Vega-Lite specification; with --controls",
    shownDefault: "none",
  }),
  ...JSON_OPTION,
};

export type ResonanceBenchContext = CommandContext<typeof BENCH_OPTIONS>;
export type ResonanceInfoContext = CommandContext<typeof JSON_OPTION>;

/** `epsilon resonance`: the published benchmark of stochastic resonance, with controls. */
export const resonanceCommands: CommandGroup = {
  name: "resonance",
  summary: "the published benchmark of stochastic resonance, with controls",
  children: [
    defineCommand({
      name: "bench",
      summary: "descend the published surface with a gain that follows the loss",
      description: [
        "Descends ½·mean((x − x*)²) as the published benchmark does: the gain of stochastic resonance sets the step size",
        "and the noise. The random numbers are the program's own, so that results agree with the published ones in",
        "distribution. --controls tells what the noise does, and what the step size.",
      ].join(" "),
      options: BENCH_OPTIONS,
      examples: [
        "epsilon resonance bench --steps 200 --verbose",
        "epsilon resonance bench --steps 2000 --controls --out resonance",
      ],
      run: async (context) => (await import("./resonance_run.ts")).benchResonance(context),
    }),
    defineCommand({
      name: "info",
      summary: "what stochastic resonance is, what was published and what its code gives",
      options: JSON_OPTION,
      run: async (context) => (await import("./resonance_run.ts")).describeResonance(context),
    }),
  ],
};
