import type { InstrumentEvent } from "../diagnose/instruments/training_instruments.ts";
import type { ProvocationEvent } from "../diagnose/provocation/provoked_training.ts";
import type { TrainEvent } from "../train/events.ts";
import type { RunFolder } from "./run_folder.ts";

/** What training tells, and what instruments and a provocation show on the way. */
export type RunEvent = TrainEvent | InstrumentEvent | ProvocationEvent;

/**
 * Writes what training tells into `folder` and passes every event on, each after it was recorded. Ends the run's record
 * with its outcome: the end event's, `failed` when `events` or the disk fails, `interrupted` when the reader leaves.
 * What `events` and `folder` throw passes through. The caller closes the folder.
 */
export async function* recordRun(
  events: AsyncIterable<RunEvent>,
  folder: RunFolder,
): AsyncGenerator<RunEvent, void> {
  let outcome: "interrupted" | "failed" | "recorded" = "interrupted";
  try {
    for await (const event of events) {
      await record(event, folder);
      if (event.kind === "end") outcome = "recorded";
      yield event;
    }
  } catch (error) {
    outcome = "failed";
    throw error;
  } finally {
    // After a failure the disk may refuse this as well; the first error is the one to tell.
    if (outcome !== "recorded") await folder.finish(outcome).catch(() => {});
  }
}

async function record(event: RunEvent, folder: RunFolder): Promise<void> {
  switch (event.kind) {
    case "step":
    case "epoch":
      return await folder.append(event.metrics, event.timing);
    case "instruments":
      return await folder.appendInstruments(event);
    case "checkpoint":
      return await folder.saveCheckpoint(event);
    case "end":
      return await folder.finish(event.outcome);
    case "provocation":
      return await folder.append(event.metrics, []);
    case "progress":
    case "shift":
      return;
  }
}
