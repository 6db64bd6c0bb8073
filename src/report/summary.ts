import type { ReportRun } from "./run.ts";
import { meanOf } from "./statistics.ts";

/** All values of one epoch of a run, by metric; null where a value is missing. */
export interface EpochSummary {
  readonly epoch: number;
  readonly train: ReadonlyMap<string, number | null>;
  readonly validation: ReadonlyMap<string, number | null>;
}

/** The epoch with a run's best validation accuracy, the first of equals. */
export interface BestEpoch extends EpochSummary {
  readonly accuracy: number;
}

/** The epochs of a run in their order. */
export function epochSummaries(run: ReportRun): EpochSummary[] {
  const epochs = new Map<number, { train: Map<string, number | null>; validation: Map<string, number | null> }>();
  for (const { epoch, split, metric, value } of run.epochs) {
    if (split === "test") continue;
    const values = epochs.get(epoch) ?? { train: new Map(), validation: new Map() };
    values[split].set(metric, value);
    epochs.set(epoch, values);
  }
  return [...epochs].map(([epoch, values]) => ({ epoch, ...values })).toSorted((a, b) => a.epoch - b.epoch);
}

/** The run's best epoch, or undefined when none has a validation accuracy. */
export function bestEpoch(run: ReportRun): BestEpoch | undefined {
  let best: BestEpoch | undefined;
  for (const epoch of epochSummaries(run)) {
    const accuracy = epoch.validation.get("accuracy") ?? null;
    if (accuracy !== null && (best === undefined || accuracy > best.accuracy)) best = { ...epoch, accuracy };
  }
  return best;
}

/** The run's last epoch, or undefined when none has ended. */
export function lastEpoch(run: ReportRun): EpochSummary | undefined {
  return epochSummaries(run).at(-1);
}

/** How many of the run's epochs have ended. */
export function epochsEnded({ epochs }: ReportRun): number {
  return new Set(epochs.map(({ epoch }) => epoch)).size;
}

/** Mean seconds of an epoch's training, over the epochs that have them; undefined when none has. */
export function meanEpochSeconds(run: ReportRun): number | undefined {
  const seconds = run.epochs.filter(({ split, metric }) => split === "train" && metric === "seconds")
    .flatMap(({ value }) => value === null ? [] : [value]);
  return seconds.length === 0 ? undefined : meanOf(seconds);
}
