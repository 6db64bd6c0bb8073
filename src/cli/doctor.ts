import { type CommandContext, defineCommand } from "./command.ts";
import { switchOption } from "./option.ts";
import { DEVICE_OPTIONS, JSON_OPTION } from "./options.ts";

const OPTIONS = {
  ...DEVICE_OPTIONS,
  markdown: switchOption({ description: "print the result as a Markdown table" }),
  ...JSON_OPTION,
};

export type DoctorContext = CommandContext<typeof OPTIONS>;

/** `epsilon doctor`: what this machine offers. */
export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "versions, adapters, limits and a short self-test",
  description: [
    "Prints versions, threads, folders, the built-in model and every GPU adapter with its features and limits, and runs a",
    "short self-test on the device. Exit code 5 when the self-test fails.",
  ].join(" "),
  options: OPTIONS,
  examples: ["epsilon doctor", "epsilon doctor --device gpu --json", "epsilon doctor --markdown"],
  run: async (context) => (await import("./doctor_run.ts")).doctor(context),
});
