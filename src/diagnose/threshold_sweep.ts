import { packBatch } from "../data/batches.ts";
import { UsageError } from "../errors.ts";
import type { HaltingMode } from "../model/config.ts";
import { evaluateDataset, type Evaluation, type EvaluationOptions } from "../train/evaluation.ts";
import { turnTaker } from "../train/turn.ts";

/** Quality and cost of a model whose tokens halt at one threshold. */
export interface ThresholdPoint {
  /** θ: a token halts once 1 − r ≥ θ. */
  readonly threshold: number;
  /** Every token run to its own end, as in training. */
  readonly evaluation: Evaluation;
  /** Inference, which asks for logits only. */
  readonly inference: InferenceCost;
}

/** What inference takes: in `exit` mode a sequence ends with its `[CLS]`. */
export interface InferenceCost {
  /** Block applications that are computed. */
  readonly tokenSteps: number;
  /** Mean of those over the tokens. */
  readonly stepsMean: number;
  /** Wall time of the predictions. */
  readonly seconds: number;
}

/** How far a sweep has come. */
export interface SweepProgress {
  readonly batch: number;
  readonly batches: number;
  readonly tokens: number;
}

export interface SweepOptions extends EvaluationOptions {
  /** The thresholds to try, in this order. */
  readonly thresholds: readonly number[];
}

/**
 * Accuracy against compute: judges the engine's weights at each threshold, and times inference. Yields after each batch;
 * returns a point for each threshold. Throws UsageError for a model whose tokens do not halt.
 */
export async function* sweepThresholds(
  { thresholds, ...options }: SweepOptions,
): AsyncGenerator<SweepProgress, ThresholdPoint[], void> {
  const { indices, batchSize, modelConfig } = options;
  if (modelConfig.model !== "epsilon" || modelConfig.halting === "repeat-k") {
    const variant = modelConfig.model === "epsilon" ? modelConfig.halting : modelConfig.model;
    throw new UsageError(
      `Cannot use a halting threshold: the tokens of a ${variant} model never halt`,
      "Use an Epsilon model of halting mode exit or soft.",
    );
  }
  const passes = 2 * thresholds.length;
  const batches = Math.ceil(indices.length / batchSize) * passes;
  const points: ThresholdPoint[] = [];
  let done = 0;
  for (const threshold of thresholds) {
    const evaluating = evaluateDataset({ ...options, haltThreshold: threshold });
    let next = await evaluating.next();
    for (; !next.done; next = await evaluating.next()) {
      yield { batch: ++done, batches, tokens: next.value.tokens };
    }
    let tokenSteps = 0, milliseconds = 0;
    for await (const batch of timeInference(options, threshold)) {
      tokenSteps += batch.tokenSteps;
      milliseconds += batch.milliseconds;
      yield { batch: ++done, batches, tokens: batch.tokens };
    }
    const evaluation = next.value;
    const inference = { tokenSteps, stepsMean: tokenSteps / evaluation.tokens, seconds: milliseconds / 1000 };
    points.push({ threshold, evaluation, inference });
  }
  return points;
}

async function* timeInference(
  { engine, dataset, indices, modelConfig, batchSize, clock = () => performance.now() }: EvaluationOptions,
  haltThreshold: number,
): AsyncGenerator<{ readonly tokens: number; readonly tokenSteps: number; readonly milliseconds: number }, void, void> {
  const takeTurn = turnTaker(clock);
  for (let first = 0; first < indices.length; first += batchSize) {
    const batch = packBatch(dataset, indices.subarray(first, first + batchSize), modelConfig.maxSeqLength);
    const started = clock();
    const { haltingSteps } = await engine.predict(batch, { want: "logits", klScale: 1, haltThreshold });
    const milliseconds = clock() - started;
    let tokenSteps = 0;
    for (let s = 0; s < batch.labels.length; s++) {
      tokenSteps += computedSteps(haltingSteps.subarray(batch.offsets[s], batch.offsets[s + 1]), modelConfig.halting);
    }
    yield { tokens: batch.tokens.length, tokenSteps, milliseconds };
    await takeTurn();
  }
}

/** Block applications to the tokens of a sequence; in `soft` mode they all go on until the last has halted. */
function computedSteps(steps: Uint8Array, halting: HaltingMode): number {
  if (halting === "soft") return steps.length * steps.reduce((most, count) => Math.max(most, count), 0);
  return steps.reduce((sum, count) => sum + count, 0);
}
