import { join } from "node:path";
import { reviewsCsv } from "../cli/small_training.ts";

/** Words of the small reviews: with so few rows of the embedding a checkpoint has a few kilobytes. */
const VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "moving", "film", "dull", "mess", "the", "of", "what"];

/** Name of the run folder. */
export const RUN = "run";

/** Files of a finished run that are the same to the byte whatever happened on the way. */
export const RESULTS = ["best.safetensors", "last.safetensors", "metrics.csv", "bins.csv"] as const;

/** Puts reviews and a vocabulary into `folder`. */
export async function fillWorkplace(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "reviews.csv"), reviewsCsv());
  await Deno.writeTextFile(join(folder, "vocab.txt"), `${VOCABULARY.join("\n")}\n`);
}

/** Software GPUs compile the kernels of a model: the smaller it is, the sooner they are done. */
const SIZES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  cpu: [
    ["d-model", "4"],
    ["num-bins", "3"],
    ["ffn-dim", "5"],
    ["max-layers", "3"],
    ["max-seq-length", "24"],
    // The training aids, whose state must come back with the checkpoint.
    ["sr", "state"],
    ["sr-window", "3"],
    ["ars", "memo"],
  ],
  gpu: [
    ["d-model", "2"],
    ["num-heads", "1"],
    ["num-bins", "2"],
    ["ffn-dim", "2"],
    ["max-layers", "2"],
    ["max-seq-length", "8"],
  ],
};

/** Two epochs of 7 steps, with rows at every step, a checkpoint at every second one and an instrument's table. */
export function tinyTraining(folder: string, device: string): string[] {
  const flags: readonly (readonly [string, string])[] = [
    ["data", join(folder, "reviews.csv")],
    ["vocabulary", join(folder, "vocab.txt")],
    ["out", join(folder, RUN)],
    ["device", device],
    ["threads", "1"],
    ["instruments", "bins"],
    ...SIZES[device] ?? SIZES.cpu,
    ["batch-size", "8"],
    ["epochs", "2"],
    ["warmup-steps", "2"],
    ["learning-rate", "0.01"],
    ["log-every", "1"],
    ["checkpoint-every", "2"],
  ];
  return ["train", ...flags.flatMap(([name, value]) => [`--${name}`, value])];
}

/** Goes on with the run, or starts it again where the kill came before there was one. */
export async function nextCommand(folder: string, device: string): Promise<string[]> {
  const begun = await Deno.stat(join(folder, RUN, "run.json")).then(() => true, () => false);
  return begun
    ? ["train", "--resume", join(folder, RUN), "--device", device, "--threads", "1"]
    : tinyTraining(folder, device);
}
