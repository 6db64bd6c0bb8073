import { packBatch } from "../data/batches.ts";
import type { TokenizedDataset } from "../data/dataset.ts";
import type { PackedBatch } from "../data/packed_batch.ts";
import type { Engine } from "../engine/engine.ts";
import { trainSteps } from "../engine/train_steps.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/tensors.ts";
import { ADAMW, type TrainConfig } from "../train/config.ts";
import { median } from "./benchmark/row.ts";

/** A model whose training is timed. */
export interface TimedModel {
  readonly name: string;
  readonly config: ModelConfig;
  readonly recipe: TrainConfig;
  /** Where it is timed: the depth, and with it the time, depends on the weights. */
  readonly weights: Weights;
}

export interface EpochTimingOptions {
  readonly models: readonly TimedModel[];
  readonly open: (config: ModelConfig) => Promise<Engine>;
  readonly dataset: TokenizedDataset;
  /** Reviews that every model is timed on, in this order. */
  readonly indices: Uint32Array;
  /** Rounds in which each model has its turn once. */
  readonly rounds: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Milliseconds that the process has spent on all its processors. */
  readonly processorClock: () => number;
}

/** What one training batch takes, in each round. */
export interface EpochTiming {
  readonly name: string;
  readonly batchMilliseconds: readonly number[];
  /** Of all processors together: what else runs on the machine bears on it little. */
  readonly processorMilliseconds: readonly number[];
}

/** One model has had its turn in one round. */
export interface TimingTurn {
  readonly turn: number;
  readonly turns: number;
}

/**
 * Times training batches under equal conditions: the same reviews, one device, the models in turns, so that a change
 * of the machine's pace meets all of them. The weights stay as they are (learning rate 0). The first batch of each turn
 * is not counted. Yields after each turn.
 */
export async function* timeEpochs(options: EpochTimingOptions): AsyncGenerator<TimingTurn, EpochTiming[], void> {
  const { models, rounds } = options;
  const turns = models.length * rounds;
  const times = models.map(({ name }) => ({
    name,
    batchMilliseconds: [] as number[],
    processorMilliseconds: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [m, model] of models.entries()) {
      const { batch, processor } = await takeTurn(model, options);
      times[m].batchMilliseconds.push(batch);
      times[m].processorMilliseconds.push(processor);
      yield { turn: round * models.length + m + 1, turns };
    }
  }
  return times;
}

async function takeTurn(
  { config, recipe, weights }: TimedModel,
  { open, dataset, indices, clock, processorClock }: EpochTimingOptions,
): Promise<{ readonly batch: number; readonly processor: number }> {
  const batches: PackedBatch[] = [];
  for (let first = 0; first < indices.length; first += recipe.batchSize) {
    batches.push(packBatch(dataset, indices.subarray(first, first + recipe.batchSize), config.maxSeqLength));
  }
  const settings = {
    ...ADAMW,
    klScale: 1,
    dropout: config.dropout,
    seed: recipe.seed,
    learningRate: 0,
    weightDecay: recipe.weightDecay,
    clipGradNorm: recipe.clipGradNorm,
  };
  const engine = await open(config);
  try {
    await engine.upload({ weights });
    await engine.trainStep(batches[0], settings);
    const started = clock(), spent = processorClock();
    await trainSteps(engine, batches.map((batch) => ({ batch, settings })));
    return { batch: (clock() - started) / batches.length, processor: (processorClock() - spent) / batches.length };
  } finally {
    await engine.close();
  }
}

/** Median over the rounds of how many times as long a batch of `slower` took as one of `faster`. */
export function speedRatio(faster: EpochTiming, slower: EpochTiming): number {
  return median(faster.batchMilliseconds.map((time, round) => slower.batchMilliseconds[round] / time));
}
