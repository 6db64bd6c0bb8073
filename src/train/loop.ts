import type { DatasetSplit, TokenizedDataset } from "../data/dataset.ts";
import type { PackedBatch } from "../data/packed_batch.ts";
import { type DistributionShift, plainSource, requireShiftWithin } from "../data/shift.ts";
import { TrainingBatches } from "../data/training_batches.ts";
import type { Engine, StepResult, StepSettings, TrainingStep } from "../engine/engine.ts";
import { trainSteps } from "../engine/train_steps.ts";
import { DataError, RunError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { ChunkSize, stepsTo, stepsToMultiple } from "./chunks.ts";
import { requireAnchorWithin } from "./aids.ts";
import { ADAMW, type TrainConfig } from "./config.ts";
import { evaluateDataset, type Evaluation, evaluationMetrics } from "./evaluation.ts";
import type { TrainEvent, TrainPosition } from "./events.ts";
import { FINAL_LEARNING_RATES, klScaleAt, learningRateAt } from "./schedule.ts";
import { START_POSITION } from "./start_position.ts";
import {
  addBatch,
  type BatchSize,
  EMPTY_SUMS,
  meanLosses,
  measuredRows,
  metricRows,
  type Stopwatch,
  timingRows,
  trainingMetrics,
} from "./sums.ts";
import type { KeptSlabs } from "./retention.ts";
import { NonFiniteLossError } from "./non_finite_loss.ts";
import { RunningStopwatch } from "./running_stopwatch.ts";
import { type AidMetrics, TrainingAids } from "./training_aids.ts";
import { turnTaker } from "./turn.ts";

export interface TrainingOptions {
  /** Holds the weights to start from, and the optimizer state when resuming; the caller closes it. */
  readonly engine: Engine;
  readonly dataset: TokenizedDataset;
  readonly split: DatasetSplit;
  readonly modelConfig: ModelConfig;
  readonly config: TrainConfig;
  /** Other reviews from some step on. */
  readonly shift?: DistributionShift;
  /** Where to go on; absent at the start of a run. */
  readonly resume?: TrainPosition;
  /** What the checkpoint to go on from kept beside the weights. */
  readonly kept?: KeptSlabs;
  /** Aborted to stop after what is under way: a batch, or as many as the engine takes at once. */
  readonly signal?: AbortSignal;
  /** Optimizer steps after which to stop as for a signal, at an epoch's end once it is validated. */
  readonly stopAt?: number;
  /** Milliseconds of a monotonic clock; reaches timing rows only. */
  readonly clock?: () => number;
}

/** Training batches in an epoch, the last one possibly smaller than the others. */
export function batchesPerEpoch(trainingReviews: number, config: TrainConfig): number {
  const all = Math.ceil(trainingReviews / config.batchSize);
  return config.limitBatches > 0 ? Math.min(all, config.limitBatches) : all;
}

/**
 * Trains a model (spec §2–§3) and tells what happens. What follows a position is determined by it, the engine's state
 * and the options: an interrupted and resumed run yields the same step, epoch and checkpoint events, except timing.
 *
 * An aborted signal ends the run after what is under way, with a checkpoint and outcome `interrupted`. Throws
 * NonFiniteLossError before a bad update is made; RunError when the engine fails, after a checkpoint where its state can
 * still be read; DataError on a foreign token or label.
 */
export async function* trainModel(options: TrainingOptions): AsyncGenerator<TrainEvent, void, void> {
  const run = new Training(options);
  yield* run.events();
}

interface Schedule {
  readonly learningRate: number;
  readonly klScale: number;
}

interface TrainedBatch extends BatchSize {
  readonly result: StepResult;
  readonly schedule: Schedule;
}

class Training {
  readonly #options: TrainingOptions;
  readonly #clock: () => number;
  readonly #takeTurn: () => Promise<void>;
  readonly #reviews: TrainingBatches;
  /** Batches of an epoch. */
  readonly #batches: number;
  readonly #totalSteps: number;
  #position: TrainPosition;
  readonly #chunk = new ChunkSize();
  readonly #aids: TrainingAids;
  /** The position of the latest checkpoint. */
  #saved: TrainPosition | undefined;

  constructor(options: TrainingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#takeTurn = turnTaker(this.#clock);
    const { train, validation } = options.split;
    if (train.length === 0 || validation.length === 0) {
      throw new DataError(
        `Cannot train: ${train.length} reviews for training, ${validation.length} for validation`,
        "Give both parts of the split at least one review.",
      );
    }
    const { dataset, split, modelConfig: { maxSeqLength }, config, shift } = options;
    const shifting = shift === undefined ? {} : { shift };
    this.#reviews = new TrainingBatches({ ...config, source: plainSource(dataset, split), maxSeqLength, ...shifting });
    this.#batches = batchesPerEpoch(train.length, config);
    this.#totalSteps = this.#batches * config.epochs;
    if (shift !== undefined) requireShiftWithin(shift.step, this.#totalSteps);
    requireAnchorWithin(config, this.#totalSteps);
    this.#position = options.resume ?? START_POSITION;
    this.#saved = options.resume;
    this.#aids = new TrainingAids(config, config.seed, this.#position.aids, options.kept);
  }

  async *events(): AsyncGenerator<TrainEvent, void, void> {
    if (this.#saved === undefined) yield await this.#checkpoint(false);
    try {
      yield* this.#train();
    } catch (error) {
      const rescued = error instanceof RunError && !(error instanceof NonFiniteLossError) && await this.#rescue();
      if (rescued) yield rescued;
      throw error;
    }
  }

  /**
   * Behind a failure of the engine: a checkpoint of what it holds, where it can still be read and is the state of the
   * latest event. A batch too large for the device, for example, costs nothing of the work before it.
   */
  async #rescue(): Promise<TrainEvent | undefined> {
    if (this.#saved === this.#position) return undefined;
    try {
      const state = await this.#options.engine.download();
      if (state.optimizer.step !== this.#position.step) return undefined;
      return { kind: "checkpoint", best: false, position: this.#position, state, ...this.#aids.kept() };
    } catch {
      return undefined; // the failure that led here is the one to tell
    }
  }

  /** Epoch after epoch, to the end or to an abort. */
  async *#train(): AsyncGenerator<TrainEvent, void, void> {
    let outcome = this.#outcome();
    while (outcome === undefined) {
      const stopwatch = yield* this.#trainRestOfEpoch();
      const evaluation = yield* this.#validate();
      if (evaluation === undefined) {
        outcome = "interrupted";
        break;
      }
      yield* this.#endEpoch(evaluation, stopwatch);
      outcome = this.#outcome();
    }
    if (this.#saved !== this.#position) yield await this.#checkpoint(false);
    yield { kind: "end", outcome, position: this.#position };
  }

  #outcome(): "finished" | "stopped-early" | "interrupted" | undefined {
    const { config, signal } = this.#options;
    if (this.#position.epoch >= config.epochs) return "finished";
    if (config.patience > 0 && this.#position.epochsSinceBest >= config.patience) return "stopped-early";
    return signal?.aborted || this.#stops() ? "interrupted" : undefined;
  }

  /** Whether as many steps are taken as were asked for. */
  #stops(): boolean {
    const { stopAt } = this.#options;
    return stopAt !== undefined && this.#position.step >= stopAt;
  }

  async #checkpoint(best: boolean): Promise<TrainEvent> {
    this.#saved = this.#position;
    const state = await this.#options.engine.download();
    return { kind: "checkpoint", best, position: this.#position, state, ...this.#aids.kept() };
  }

  /** Trains the batches that are left of the epoch under way, or fewer when the signal is aborted. */
  async *#trainRestOfEpoch(): AsyncGenerator<TrainEvent, Stopwatch, void> {
    const { config, shift, signal } = this.#options;
    const epochWatch = new RunningStopwatch();
    let stepWatch = new RunningStopwatch();
    while (this.#position.batch < this.#batches && !signal?.aborted && !this.#stops()) {
      const { trained, seconds } = await this.#trainChunk();
      epochWatch.seconds += seconds;
      stepWatch.seconds += seconds;
      for (const one of trained) {
        const aided = this.#accept(one);
        epochWatch.add(one);
        stepWatch.add(one);
        const { step, batch } = this.#position;
        yield this.#progress("training", batch, this.#batches, { tokens: one.tokens, reviews: one.sequences });
        if (step % config.logEvery === 0) {
          yield this.#stepEvent(one, aided, stepWatch);
          stepWatch = new RunningStopwatch();
        }
        if (step === shift?.step) yield { kind: "shift", step };
        const due = config.checkpointEvery > 0 && step % config.checkpointEvery === 0;
        if (due && batch < this.#batches) yield await this.#checkpoint(false);
        await this.#takeTurn();
      }
    }
    return epochWatch;
  }

  #batchAt(step: number): PackedBatch {
    return this.#reviews.at({ step, epoch: Math.floor(step / this.#batches), batch: step % this.#batches });
  }

  /** What the schedules give optimizer step `step` of the epoch under way. */
  #schedule(step: number): Schedule {
    const { config, modelConfig } = this.#options;
    return {
      learningRate: learningRateAt(step, {
        peak: config.learningRate,
        warmupSteps: config.warmupSteps,
        totalSteps: this.#totalSteps,
        final: FINAL_LEARNING_RATES[modelConfig.model],
      }),
      klScale: klScaleAt(this.#position.epoch, config.epochs),
    };
  }

  /**
   * Trains the next batches of the epoch: one, or several where the engine takes them at once. A chunk ends where
   * something is due, so that what is timed or saved is the same for any size of chunk.
   */
  async #trainChunk(): Promise<{ trained: TrainedBatch[]; seconds: number }> {
    const { engine, modelConfig, config, shift, stopAt } = this.#options;
    const started = this.#clock();
    const { step, batch } = this.#position;
    const objective = { klScale: this.#schedule(step).klScale, dropout: 0, seed: config.seed };
    await this.#aids.prepare(engine, step, (earlier) => this.#batchAt(earlier), objective);
    const count = engine.trainSteps === undefined || this.#aids.stepByStep ? 1 : Math.min(
      this.#chunk.steps,
      this.#batches - batch,
      stepsToMultiple(step, config.logEvery),
      stepsToMultiple(step, config.checkpointEvery),
      stepsTo(shift?.step, step),
      stepsTo(stopAt, step),
    );
    const steps = Array.from({ length: count }, (_, k): TrainingStep => {
      const settings: StepSettings = {
        ...ADAMW,
        ...this.#schedule(step + k),
        dropout: modelConfig.dropout,
        seed: config.seed,
        ...this.#aids.settings(),
        weightDecay: config.weightDecay,
        clipGradNorm: config.clipGradNorm,
      };
      return {
        batch: this.#batchAt(step + k),
        settings,
        ...this.#aids.aid(step + k, settings),
      };
    });
    const results = await trainSteps(engine, steps);
    const trained = results.map((result, k): TrainedBatch => {
      const { batch, settings } = steps[k];
      return { result, schedule: settings, sequences: batch.labels.length, tokens: batch.tokens.length };
    });
    const milliseconds = this.#clock() - started;
    this.#chunk.learn(count, milliseconds);
    return { trained, seconds: milliseconds / 1000 };
  }

  /** Moves on by one batch and returns what the aids did in it; throws NonFiniteLossError when it changed nothing. */
  #accept({ result, ...size }: TrainedBatch): AidMetrics {
    const { step, batch, sums } = this.#position;
    if (!result.updated) {
      throw this.#notFinite(Number.isFinite(result.loss) ? "gradient" : "training loss");
    }
    const aided = this.#aids.accept(result);
    this.#position = {
      ...this.#position,
      ...this.#aidState(),
      step: step + 1,
      batch: batch + 1,
      sums: addBatch(sums, size, result),
    };
    return aided;
  }

  #aidState(): Pick<TrainPosition, "aids"> {
    const aids = this.#aids.state();
    return aids === undefined ? {} : { aids };
  }

  #stepEvent({ result, schedule, ...size }: TrainedBatch, aided: AidMetrics, watch: Stopwatch): TrainEvent {
    const { step, epoch } = this.#position;
    const sums = addBatch(EMPTY_SUMS, size, result);
    const place = { step, epoch: null, split: "train" } as const;
    return {
      kind: "step",
      step,
      totalSteps: this.#totalSteps,
      epoch: epoch + 1,
      metrics: [
        ...measuredRows(this.#options.modelConfig, trainingMetrics(place, result, sums, schedule)),
        ...metricRows(place, aided),
      ],
      timing: timingRows(place, watch),
      loss: result.loss,
      tokensPerSecond: watch.tokens / watch.seconds,
    };
  }

  #progress(
    phase: "training" | "validation",
    batch: number,
    batches: number,
    done: Pick<Stopwatch, "tokens" | "reviews">,
  ): TrainEvent {
    const { epoch, sums } = this.#position;
    return {
      kind: "progress",
      phase,
      epoch: epoch + 1,
      epochs: this.#options.config.epochs,
      batch,
      batches,
      tokens: done.tokens,
      reviews: done.reviews,
      loss: meanLosses(sums, this.#options.modelConfig).loss,
    };
  }

  /** Judges the weights on the validation split; undefined when training stops before that is done. */
  async *#validate(): AsyncGenerator<TrainEvent, Evaluation | undefined, void> {
    const { engine, dataset, split, modelConfig, config, signal } = this.#options;
    if (signal?.aborted || this.#position.batch < this.#batches) return undefined;
    const evaluation = evaluateDataset({
      engine,
      dataset,
      indices: split.validation,
      modelConfig,
      batchSize: config.batchSize,
      klScale: klScaleAt(this.#position.epoch, config.epochs),
      clock: this.#clock,
    });
    while (true) {
      const next = await evaluation.next();
      if (next.done) {
        if (!Number.isFinite(next.value.loss)) throw this.#notFinite("validation loss");
        return next.value;
      }
      yield this.#progress("validation", next.value.batch, next.value.batches, next.value);
      if (signal?.aborted) return undefined;
    }
  }

  #notFinite(what: string): NonFiniteLossError {
    return new NonFiniteLossError(this.#position.step, what, this.#options.engine.arithmetic);
  }

  async *#endEpoch(evaluation: Evaluation, stopwatch: Stopwatch): AsyncGenerator<TrainEvent, void, void> {
    const { modelConfig } = this.#options;
    const { step, epoch, sums } = this.#position;
    const place = { step, epoch: epoch + 1 };
    const validation = { ...place, split: "validation" } as const;
    const best = evaluation.accuracy > this.#position.bestAccuracy;
    const schedule = this.#schedule(step - 1);
    yield {
      kind: "epoch",
      step,
      epoch: epoch + 1,
      accuracy: evaluation.accuracy,
      best,
      outputs: evaluation.outputs,
      metrics: measuredRows(modelConfig, [
        ...trainingMetrics(place, meanLosses(sums, modelConfig), sums, schedule),
        ...evaluationMetrics(validation, evaluation),
      ]),
      timing: [
        ...timingRows({ ...place, split: "train" }, stopwatch),
        ...timingRows(validation, evaluation.stopwatch),
      ],
    };
    this.#aids.validated(evaluation.accuracy);
    this.#position = {
      ...this.#aidState(),
      step,
      epoch: epoch + 1,
      batch: 0,
      sums: EMPTY_SUMS,
      bestAccuracy: best ? evaluation.accuracy : this.#position.bestAccuracy,
      bestEpoch: best ? epoch + 1 : this.#position.bestEpoch,
      epochsSinceBest: best ? 0 : this.#position.epochsSinceBest + 1,
    };
    yield await this.#checkpoint(best);
  }
}
