import type { TokenizedDataset } from "../../data/dataset.ts";
import { plainSource, type ReviewSource } from "../../data/shift.ts";
import type { ModelConfig } from "../../model/config.ts";
import { evaluateDataset } from "../../train/evaluation.ts";
import type { MetricValue, TrainEvent } from "../../train/events.ts";
import { runToEnd } from "../../train/run_to_end.ts";
import { metricRows } from "../../train/sums.ts";
import type { InstrumentEvent } from "../instruments/training_instruments.ts";
import type { MeasuredEngine } from "./measured_engine.ts";

/** What the weights do on both distributions, at the step of the shift. */
export interface ProvocationEvent {
  readonly kind: "provocation";
  /** Step rows of the validation split: `task_loss` and `accuracy`, and the same `shifted_`. */
  readonly metrics: readonly MetricValue[];
}

export interface ProvokedTraining {
  /** The engine that trains, measuring as often as step rows are written. */
  readonly engine: MeasuredEngine;
  readonly modelConfig: ModelConfig;
  readonly dataset: TokenizedDataset;
  /** The validation reviews of training's own distribution. */
  readonly validation: Uint32Array;
  /** The distribution after the shift. */
  readonly after: ReviewSource;
  readonly batchSize: number;
}

/**
 * Passes training's events on with more in them: step events with the norms of the weights and of the update, epoch
 * events with loss and accuracy on the shifted distribution; behind the shift's event comes one with those of both
 * distributions. Nothing of the training changes by it.
 */
export async function* withProvocation(
  events: AsyncIterable<TrainEvent | InstrumentEvent>,
  options: ProvokedTraining,
): AsyncGenerator<TrainEvent | InstrumentEvent | ProvocationEvent, void, void> {
  const { engine, dataset, validation, after } = options;
  for await (const event of events) {
    if (event.kind === "step") {
      yield { ...event, metrics: [...event.metrics, ...normRows(event.step, engine)] };
    } else if (event.kind === "epoch") {
      const place = { step: event.step, epoch: event.epoch, split: "validation" } as const;
      const { task_loss: loss, accuracy } = await judge(after, after.split.validation, options);
      const rows = metricRows(place, { shifted_task_loss: loss, shifted_accuracy: accuracy });
      yield { ...event, metrics: [...event.metrics, ...rows] };
    } else {
      yield event;
    }
    if (event.kind === "shift") {
      const own = await judge(plainSource(dataset, { train: validation, validation }), validation, options);
      const shifted = await judge(after, after.split.validation, options);
      const place = { step: event.step, epoch: null, split: "validation" } as const;
      const values = { ...own, shifted_task_loss: shifted.task_loss, shifted_accuracy: shifted.accuracy };
      yield { kind: "provocation", metrics: metricRows(place, values) };
    }
  }
}

function normRows(step: number, { norms }: MeasuredEngine): MetricValue[] {
  if (norms?.step !== step) return [];
  const { weightNorm, updateNorm } = norms;
  return metricRows({ step, epoch: null, split: "train" }, { weight_norm: weightNorm, update_norm: updateNorm });
}

async function judge(
  { pack }: ReviewSource,
  indices: Uint32Array,
  { engine, modelConfig, dataset, batchSize }: ProvokedTraining,
): Promise<{ task_loss: number; accuracy: number }> {
  const evaluation = await runToEnd(evaluateDataset({ engine, dataset, indices, modelConfig, batchSize, pack }));
  return { task_loss: evaluation.taskLoss, accuracy: evaluation.accuracy };
}
