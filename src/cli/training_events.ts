import type { TokenizedDataset } from "../data/dataset.ts";
import { stratifiedSplit } from "../data/split.ts";
import { withInstruments } from "../diagnose/instruments/training_instruments.ts";
import { MeasuredEngine } from "../diagnose/provocation/measured_engine.ts";
import { withProvocation } from "../diagnose/provocation/provoked_training.ts";
import type { Engine } from "../engine/engine.ts";
import type { ResumePoint } from "../metrics/paused_run.ts";
import type { RunEvent } from "../metrics/record_run.ts";
import type { ModelConfig } from "../model/config.ts";
import type { TrainConfig } from "../train/config.ts";
import { trainModel } from "../train/loop.ts";
import type { ChosenInstruments } from "./instrument_choice.ts";
import type { Provocation } from "./provocation.ts";

/** A run that is ready to train. */
export interface PreparedRun {
  /** Holds the weights to start from. */
  readonly engine: Engine;
  readonly dataset: TokenizedDataset;
  readonly model: ModelConfig;
  readonly recipe: TrainConfig;
  /** Instruments to read after each epoch. */
  readonly read: ChosenInstruments;
  readonly provocation?: Provocation | undefined;
}

export interface TrainingCourse {
  /** Where the run goes on; absent at its start. */
  readonly from?: ResumePoint | undefined;
  /** Aborted to stop after what is under way. */
  readonly signal?: AbortSignal;
  /** Optimizer steps after which to stop. */
  readonly stopAt?: number | undefined;
}

/** What training tells, with what instruments and a provocation show on the way: all that a run folder records. */
export function trainingEvents(run: PreparedRun, { from, signal, stopAt }: TrainingCourse): AsyncIterable<RunEvent> {
  const { dataset, model: modelConfig, recipe, read, provocation } = run;
  const measured = provocation && new MeasuredEngine(run.engine, recipe.logEvery, from?.position.step);
  const engine = measured ?? run.engine;
  const split = stratifiedSplit(dataset.labels, recipe);
  const training = trainModel({
    engine,
    dataset,
    split,
    modelConfig,
    config: recipe,
    ...signal && { signal },
    ...stopAt !== undefined && { stopAt },
    ...provocation && { shift: provocation.shift },
    ...from && { resume: from.position, ...from.kept && { kept: from.kept } },
  });
  const { validation } = split;
  const observing = { ...read, engine, config: modelConfig, dataset, indices: validation, seed: recipe.seed };
  const watched = read.instruments.size === 0 ? training : withInstruments(training, observing);
  if (provocation === undefined || measured === undefined) return watched;
  const judged = { modelConfig, dataset, validation, batchSize: recipe.batchSize };
  return withProvocation(watched, { ...judged, engine: measured, after: provocation.shift.after });
}
