import { packBatch } from "../data/batches.ts";
import type { TokenizedDataset } from "../data/dataset.ts";
import type { ReviewSource } from "../data/shift.ts";
import type { Engine, Losses } from "../engine/engine.ts";
import { predictBatches } from "../engine/predict_batches.ts";
import { RunError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { type Calibration, calibrationOf } from "./calibration.ts";
import { ChunkSize } from "./chunks.ts";
import type { MetricValue } from "./events.ts";
import { standardError } from "./interval.ts";
import { meanLosses, metricRows, type Stopwatch } from "./sums.ts";
import { turnTaker } from "./turn.ts";

export interface EvaluationOptions {
  /** Holds the weights to be judged. */
  readonly engine: Engine;
  readonly dataset: TokenizedDataset;
  /** Reviews to be judged, in this order. */
  readonly indices: Uint32Array;
  readonly modelConfig: ModelConfig;
  /** Shows the model the reviews otherwise than they stand in the dataset. */
  readonly pack?: ReviewSource["pack"];
  /** Reviews given to the engine at once; changes nothing but speed and rounding. */
  readonly batchSize: number;
  /** Scale of the KL term in the reported losses; 1 unless a training run is being followed. */
  readonly klScale?: number;
  /** θ of the halting rule, where it is not the paper's. */
  readonly haltThreshold?: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
}

/** What a model said of each review, in the order in which the reviews were judged. */
export interface Outputs {
  /** [reviews × classes], natural-log units. */
  readonly logits: Float64Array;
  /** [reviews] */
  readonly labels: Uint32Array;
  /** Block applications of each token, review after review, as packed for the model [tokens]. */
  readonly haltingSteps: Uint8Array;
}

/** Losses, calibration and depth of a model on a set of reviews. */
export interface Evaluation extends Losses, Calibration {
  /** √(p(1 − p)/n) of the accuracy. */
  readonly accuracyStandardError: number;
  /** Mean over tokens of steps − 1, the paper's depth. */
  readonly haltingDepthMean: number;
  /** Mean over tokens of the block applications. */
  readonly haltingStepsMean: number;
  readonly reviews: number;
  readonly tokens: number;
  readonly outputs: Outputs;
  readonly stopwatch: Stopwatch;
}

/** What is done after one more batch. */
export interface EvaluationProgress {
  readonly batch: number;
  readonly batches: number;
  /** Tokens and reviews of this batch. */
  readonly tokens: number;
  readonly reviews: number;
}

/**
 * Judges the engine's weights on `indices`, without dropout. Yields for each batch, so that a caller can show progress or
 * stop; an engine that takes several at once is given as many as take a moment. Returns the evaluation. Throws RunError
 * when the engine dies, DataError on a foreign token or label.
 */
export async function* evaluateDataset(
  options: EvaluationOptions,
): AsyncGenerator<EvaluationProgress, Evaluation, void> {
  const { engine, dataset, indices, modelConfig, batchSize, klScale = 1, haltThreshold } = options;
  const { clock = () => performance.now(), pack = (chosen, length) => packBatch(dataset, chosen, length) } = options;
  const classes = modelConfig.numClasses;
  const logits = new Float64Array(indices.length * classes);
  const labels = new Uint32Array(indices.length);
  const steps: Uint8Array[] = [];
  const sums = { sequences: 0, tokens: 0, tokenSteps: 0, taskLoss: 0, klLoss: 0, entropyLoss: 0 };
  const batches = Math.ceil(indices.length / batchSize);
  const takeTurn = turnTaker(clock);
  const chunk = new ChunkSize();
  let milliseconds = 0;
  for (let first = 0; first < batches;) {
    const started = clock();
    const count = engine.predictBatches === undefined ? 1 : Math.min(chunk.steps, batches - first);
    const packed = Array.from({ length: count }, (_, k) => {
      const start = (first + k) * batchSize;
      return pack(indices.subarray(start, start + batchSize), modelConfig.maxSeqLength);
    });
    const predictions = await predictBatches(engine, packed, { want: "everything", klScale, haltThreshold });
    for (const [k, { logits: rows, haltingSteps, losses }] of predictions.entries()) {
      if (losses === undefined) {
        throw new RunError(
          `Cannot evaluate: the ${engine.kind} engine returned no losses`,
          "This is a fault of the program: please report it.",
        );
      }
      const start = (first + k) * batchSize, reviews = packed[k].labels.length, tokens = packed[k].tokens.length;
      labels.set(packed[k].labels, start);
      logits.set(rows, start * classes);
      sums.sequences += reviews;
      sums.tokens += tokens;
      steps.push(haltingSteps);
      for (const count of haltingSteps) sums.tokenSteps += count;
      sums.taskLoss += losses.taskLoss * reviews;
      sums.klLoss += losses.klLoss * tokens;
      sums.entropyLoss += losses.entropyLoss * tokens;
    }
    const elapsed = clock() - started;
    chunk.learn(count, elapsed);
    milliseconds += elapsed;
    for (const { tokens, labels } of packed) {
      yield { batch: ++first, batches, tokens: tokens.length, reviews: labels.length };
    }
    await takeTurn();
  }
  const calibration = calibrationOf(logits, labels, classes);
  const stepsMean = sums.tokenSteps / sums.tokens;
  return {
    ...meanLosses(sums, modelConfig),
    ...calibration,
    accuracyStandardError: standardError(calibration.accuracy, indices.length),
    haltingDepthMean: stepsMean - 1,
    haltingStepsMean: stepsMean,
    reviews: indices.length,
    tokens: sums.tokens,
    outputs: { logits, labels, haltingSteps: joined(steps, sums.tokens) },
    stopwatch: {
      seconds: milliseconds / 1000,
      tokens: sums.tokens,
      reviews: indices.length,
      tokenSteps: sums.tokenSteps,
    },
  };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** The rows of an evaluation in `metrics.csv`. */
export function evaluationMetrics(place: Omit<MetricValue, "metric" | "value">, evaluation: Evaluation): MetricValue[] {
  return metricRows(place, {
    loss: evaluation.loss,
    task_loss: evaluation.taskLoss,
    kl_loss: evaluation.klLoss,
    entropy_loss: evaluation.entropyLoss,
    accuracy: evaluation.accuracy,
    ece: evaluation.ece,
    mce: evaluation.mce,
    brier: evaluation.brier,
    halting_depth_mean: evaluation.haltingDepthMean,
    halting_steps_mean: evaluation.haltingStepsMean,
  });
}
