import type { RunEvent } from "../metrics/record_run.ts";
import type { MetricValue, TrainEvent } from "../train/events.ts";
import { formatDuration } from "./format.ts";
import type { Progress } from "./progress.ts";

/** How much a run has to do. */
export interface TrainingWork {
  /** Batches of one epoch. */
  readonly trainingBatches: number;
  readonly validationBatches: number;
  readonly epochs: number;
}

export type EpochEvent = Extract<TrainEvent, { kind: "epoch" }>;

/** A training batch costs about as much as three forward passes: forward, and backward twice that. */
const TRAINING_COST = 3;

/** Shows a training run: the batch under way as progress, each epoch as a line. */
export class TrainingDisplay {
  readonly #progress: Progress;
  readonly #work: TrainingWork;
  #tokens = 0;
  #lastEpoch: EpochEvent | undefined;

  constructor(progress: Progress, work: TrainingWork) {
    this.#progress = progress;
    this.#work = work;
  }

  /** The latest epoch that ended; undefined before the first. */
  get lastEpoch(): EpochEvent | undefined {
    return this.#lastEpoch;
  }

  show(event: RunEvent): void {
    if (event.kind === "progress") this.#showBatch(event);
    if (event.kind === "epoch") this.#showEpoch(event);
    if (event.kind === "shift") {
      this.#progress.milestone(`step ${event.step}: from here on training sees the shifted distribution`, { ...event });
    }
  }

  #showBatch({ phase, epoch, epochs, batch, tokens, loss }: Extract<TrainEvent, { kind: "progress" }>): void {
    const { trainingBatches, validationBatches } = this.#work;
    const epochCost = TRAINING_COST * trainingBatches + validationBatches;
    const spent = phase === "training" ? TRAINING_COST * batch : TRAINING_COST * trainingBatches + batch;
    this.#tokens += tokens;
    this.#progress.update({
      label: `epoch ${epoch}/${epochs}, ${phase}`,
      done: (epoch - 1) * epochCost + spent,
      total: epochs * epochCost,
      count: { value: this.#tokens, unit: "tokens" },
      note: `loss ${loss.toFixed(4)}`,
    });
  }

  #showEpoch(event: EpochEvent): void {
    this.#lastEpoch = event;
    const loss = metricValue(event.metrics, "train", "loss");
    const validationLoss = metricValue(event.metrics, "validation", "loss");
    const depth = metricValue(event.metrics, "validation", "halting_depth_mean");
    const seconds = metricValue(event.timing, "train", "seconds") + metricValue(event.timing, "validation", "seconds");
    const halts = !Number.isNaN(depth);
    const accuracy = `${(100 * event.accuracy).toFixed(2)} %${event.best ? " (best)" : ""}`;
    this.#progress.milestone(
      `epoch ${event.epoch}/${this.#work.epochs}: loss ${loss.toFixed(4)}, validation loss ${
        validationLoss.toFixed(4)
      }, accuracy ${accuracy}${halts ? `, depth ${depth.toFixed(2)}` : ""}, ${formatDuration(seconds)}`,
      {
        kind: "epoch",
        epoch: event.epoch,
        loss,
        validation_loss: validationLoss,
        accuracy: event.accuracy,
        best: event.best,
        ...halts ? { halting_depth_mean: depth } : {},
        seconds,
      },
    );
  }
}

/** The value of one metric among `rows`; NaN when it is not there. */
export function metricValue(rows: readonly MetricValue[], split: MetricValue["split"], metric: string): number {
  return rows.find((row) => row.split === split && row.metric === metric)?.value ?? NaN;
}
