import { real, whole } from "../model/range.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { numberOption, textOption } from "./option.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION } from "./options.ts";

const OPTIONS = {
  goldens: textOption({
    placeholder: "dir",
    description: "folder of golden files (*.json)",
    shownDefault: "those built into the program",
  }),
  tolerance: numberOption({
    description: "largest accepted error; 0 means what the device's arithmetic allows: none where it is the run's",
    fallback: 0,
    range: real(0, 1),
  }),
  steps: numberOption({
    description: "optimizer steps of the run to repeat; 0 means all",
    fallback: 0,
    range: whole(0, 1_000_000_000),
  }),
  ...DATA_OPTIONS,
  ...DEVICE_OPTIONS,
  ...PROGRESS_OPTION,
  ...JSON_OPTION,
};

export type VerifyContext = CommandContext<typeof OPTIONS>;

/** `epsilon verify`: compares this machine's numbers with golden values, or with those of a run. */
export const verifyCommand = defineCommand({
  name: "verify",
  summary: "compare this machine's numbers with golden values, or repeat a run",
  description: [
    "Computes golden values on this machine's device, the forward pass, the losses, all gradients and a short",
    "training, and prints the worst error of each tensor over all files. Exit code 5 tells of a mismatch.",
    "With a run folder, repeats that run from its run.json, or its first --steps, and compares what training tells with",
    "the run's metrics.csv, instruments and checkpoints: bytes where this device rounds as the run's did, else values",
    "within a tolerance. Nothing is written.",
  ].join(" "),
  positionals: [{ name: "run", description: "run folder to repeat", required: false }],
  options: OPTIONS,
  examples: [
    "epsilon verify",
    "epsilon verify --device reference --goldens goldens --json",
    "epsilon verify runs/first",
    "epsilon verify runs/first --steps 100 --device gpu --data aclImdb",
  ],
  run: async (context) => (await import("./verify_run.ts")).verify(context),
});
