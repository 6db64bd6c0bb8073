import { whole } from "../model/range.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { grouped, numberOption, switchOption, textOption } from "./option.ts";
import { DEVICE_OPTIONS, JSON_OPTION, PROGRESS_OPTION } from "./options.ts";

const OPTIONS = {
  quick: switchOption({ description: "little work: shows that everything runs, not how fast it is" }),
  compareThreads: switchOption({ description: "only training steps, on 1, 2, 4 … threads" }),
  compareModels: switchOption({ description: "only what the vanilla and the Epsilon model cost at each length" }),
  runs: numberOption({ description: "timed runs behind each figure", fallback: 9, range: whole(1, 1000) }),
  goldens: textOption({
    placeholder: "dir",
    description: "folder of golden files (*.json) to verify first",
    shownDefault: "those built into the program",
  }),
  ...DEVICE_OPTIONS,
  ...grouped("Output:", {
    out: textOption({ placeholder: "file", description: "file that receives the result as well" }),
    ...PROGRESS_OPTION,
    ...JSON_OPTION,
  }),
};

export type BenchContext = CommandContext<typeof OPTIONS>;

/** `epsilon bench`: verifies, then times kernels, training steps and inference. */
export const benchCommand = defineCommand({
  name: "bench",
  summary: "verify, then time kernels, training steps and inference",
  description: [
    "Verifies the device's numbers first; exit code 5 tells of a mismatch. Then times kernels, training steps, depth,",
    "length and inference at the paper's sizes and prints one CSV row a figure: the median of the runs and the best.",
    "What is compared is timed in turns. On a GPU also what a training step asks of it (dispatches, bytes), what that would",
    "take on a laptop's, and the time of each dispatch by the adapter's clock.",
  ].join(" "),
  options: OPTIONS,
  examples: ["epsilon bench --out bench.csv", "epsilon bench --quick --json", "epsilon bench --compare-models"],
  run: async (context) => (await import("./bench_run.ts")).bench(context),
});
