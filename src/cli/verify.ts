import { real } from "../model/range.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { numberOption, textOption } from "./option.ts";
import { DEVICE_OPTIONS, JSON_OPTION } from "./options.ts";

const OPTIONS = {
  goldens: textOption({
    placeholder: "dir",
    description: "folder of golden files (*.json)",
    shownDefault: "those built into the program",
  }),
  tolerance: numberOption({
    description: "largest accepted error; 0 means what the device's arithmetic allows",
    fallback: 0,
    range: real(0, 1),
  }),
  ...DEVICE_OPTIONS,
  ...JSON_OPTION,
};

export type VerifyContext = CommandContext<typeof OPTIONS>;

/** `epsilon verify`: compares this machine's numbers with golden values. */
export const verifyCommand = defineCommand({
  name: "verify",
  summary: "compare this machine's numbers with golden values",
  description: [
    "Computes golden values on this machine's device, the forward pass, the losses, all gradients and a short",
    "training, and prints the worst error of each tensor over all files. Exit code 5 tells of a mismatch.",
  ].join(" "),
  options: OPTIONS,
  examples: ["epsilon verify", "epsilon verify --device reference --goldens goldens --json"],
  run: async (context) => (await import("./verify_run.ts")).verify(context),
});
