import { dirname } from "node:path";
import type { TokenizedDataset } from "../data/dataset.ts";
import { stratifiedSplit } from "../data/split.ts";
import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { isRunName, readRunJson, type RunRecord } from "../metrics/run_json.ts";
import type { JudgedPlace } from "../metrics/schema.ts";
import { readTrainPosition } from "../metrics/train_position.ts";
import type { Checkpoint } from "../model/checkpoint.ts";
import { chooseData, type DataChoice, type DataValues, recordedData } from "./reviews.ts";

/** By which reviews a model is judged. */
export type JudgedSplit = "validation" | "train" | "test" | "all";

/** The record of the checkpoint's run, if the checkpoint lies in its folder. */
export async function recordBeside(path: string, { details }: Checkpoint): Promise<RunRecord | undefined> {
  try {
    const record = await readRunJson(dirname(path));
    return record.run === details.run ? record : undefined;
  } catch (error) {
    if (error instanceof DataError && error.cause instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whose weights a checkpoint holds, for the first columns of a table; null where it does not say. */
export function placeOf({ details, position }: Checkpoint, path: string): Omit<JudgedPlace, "split"> {
  const { step = null, epoch = null } = position === undefined ? {} : readTrainPosition(position, path);
  return { run: details.run !== undefined && isRunName(details.run) ? details.run : null, step, epoch };
}

/** The data options by which a model is judged: those of its run, where `record` is there, unless others are given. */
export async function judgedData(chosen: DataChoice, record: RunRecord | undefined): Promise<DataValues> {
  return record === undefined ? await chooseData(chosen.values) : recordedData(chosen, record);
}

/** The reviews of `split`; training and validation are parted as the checkpoint's metadata says. */
export function splitReviews(
  split: JudgedSplit,
  dataset: TokenizedDataset,
  { details }: Checkpoint,
  path: string,
): Uint32Array {
  if (split === "test" || split === "all") return Uint32Array.from(dataset.labels, (_, review) => review);
  const { seed, validation_share: share, data_sha256: hash } = details;
  if (seed === undefined || share === undefined || hash === undefined) {
    throw new DataError(
      `Cannot tell the ${split} reviews of ${printable(path)}: its metadata does not say how they were parted`,
      "Give --split all or --split test.",
    );
  }
  if (hash !== dataset.dataHash) {
    throw new DataError(
      `Cannot tell the ${split} reviews of ${printable(path)}: it was trained on data with SHA-256 ${
        printable(hash)
      }, found ${dataset.dataHash}`,
      "Give the training data with --data, or judge by other data with --split all.",
    );
  }
  return stratifiedSplit(dataset.labels, { seed: Number(seed), validationShare: Number(share) })[split];
}
