import { join } from "node:path";
import type { RunFolder } from "../metrics/run_folder.ts";
import { CHECKPOINT_NAMES } from "../model/checkpoint_file.ts";
import type { TrainEvent } from "../train/events.ts";
import { formatTable } from "./format.ts";
import { type EpochEvent, metricValue } from "./training_display.ts";

/** The result of `epsilon train`, as `--json` prints it. */
export interface RunSummary {
  readonly run: string;
  readonly folder: string;
  readonly outcome: "finished" | "stopped-early" | "interrupted";
  /** Whole epochs that are trained, and optimizer steps. */
  readonly epochs: number;
  readonly steps: number;
  /** Null before the first validation. */
  readonly best: { readonly epoch: number; readonly accuracy: number; readonly checkpoint: string } | null;
  /** Validation of the latest epoch; null when none ended in this process. */
  readonly validation: {
    readonly loss: number;
    readonly accuracy: number;
    readonly ece: number;
    /** Null for a model that does not halt. */
    readonly halting_depth_mean: number | null;
  } | null;
  readonly last_checkpoint: string;
}

/** What is to be told of a run that has ended. */
export function summarizeRun(
  { folder, end, lastEpoch }: {
    readonly folder: RunFolder;
    readonly end: Extract<TrainEvent, { kind: "end" }>;
    readonly lastEpoch: EpochEvent | undefined;
  },
): RunSummary {
  const { step, epoch, bestEpoch, bestAccuracy } = end.position;
  const validation = (metric: string) => metricValue(lastEpoch?.metrics ?? [], "validation", metric);
  const depth = validation("halting_depth_mean");
  return {
    run: folder.record.run,
    folder: folder.path,
    outcome: end.outcome,
    epochs: epoch,
    steps: step,
    best: bestEpoch === 0
      ? null
      : { epoch: bestEpoch, accuracy: bestAccuracy, checkpoint: join(folder.path, CHECKPOINT_NAMES.best) },
    validation: lastEpoch === undefined ? null : {
      loss: validation("loss"),
      accuracy: validation("accuracy"),
      ece: validation("ece"),
      halting_depth_mean: Number.isNaN(depth) ? null : depth,
    },
    last_checkpoint: join(folder.path, CHECKPOINT_NAMES.last),
  };
}

/** The summary for people; `command` goes on with the run. */
export function formatRunSummary(summary: RunSummary, command = "train"): string {
  const { folder, outcome, epochs, steps, best, validation } = summary;
  const rows: [string, string][] = [
    ["run folder", folder],
    ["outcome", `${outcome} after ${epochs} ${epochs === 1 ? "epoch" : "epochs"}, ${steps} steps`],
  ];
  if (best !== null) {
    rows.push(["best validation accuracy", `${(100 * best.accuracy).toFixed(2)} % in epoch ${best.epoch}`]);
    rows.push(["best checkpoint", best.checkpoint]);
  }
  if (validation !== null) {
    rows.push(["last validation loss", validation.loss.toFixed(4)]);
    const { halting_depth_mean: depth } = validation;
    if (depth !== null) rows.push(["mean halting depth", depth.toFixed(2)]);
  }
  if (outcome === "interrupted") rows.push(["to go on", `epsilon ${command} --resume ${folder}`]);
  return formatTable(rows);
}
