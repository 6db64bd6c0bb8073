import type { Model } from "../model/config.ts";
import { type Range, real, requireInRange, whole } from "../model/range.ts";
import { type Aids, validateAids } from "./aids.ts";

/** The recipe of a training run (spec §2–§3); defaults are the paper's. */
export interface TrainConfig extends Aids {
  /** Reviews an optimizer step averages over. */
  readonly batchSize: number;
  /** Peak learning rate, reached when the warm-up ends. */
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly clipGradNorm: number;
  readonly warmupSteps: number;
  readonly epochs: number;
  readonly seed: number;
  /** Most training batches an epoch; 0 means all. */
  readonly limitBatches: number;
  /** Epochs without a better validation accuracy before training stops early; 0 means never. */
  readonly patience: number;
  /** Optimizer steps between two step rows in metrics.csv. */
  readonly logEvery: number;
  /** Optimizer steps between two saved checkpoints within an epoch; 0 saves at the ends of epochs only. */
  readonly checkpointEvery: number;
  /** Share of the reviews held out for validation. */
  readonly validationShare: number;
}

/** The paper's run (spec §3). */
export const PAPER_RECIPE: TrainConfig = {
  batchSize: 32,
  learningRate: 3e-4,
  weightDecay: 0.01,
  clipGradNorm: 1,
  warmupSteps: 300,
  epochs: 25,
  seed: 42,
  limitBatches: 0,
  patience: 0,
  logEvery: 50,
  checkpointEvery: 0,
  validationShare: 0.1,
};

/** Each model's recipe in the paper's comparison: the baseline neither clips nor warms up (spec §3–§4). */
export const PAPER_RECIPES: Readonly<Record<Model, TrainConfig>> = {
  epsilon: PAPER_RECIPE,
  vanilla: { ...PAPER_RECIPE, clipGradNorm: 0, warmupSteps: 0 },
};

/** AdamW's constants (spec §2). */
export const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

const COUNT_LIMIT = 1_000_000_000;

/** The numbers that every recipe has. */
export type RecipeNumber = Exclude<keyof TrainConfig, keyof Aids>;

/** Accepted values of each of them. */
export const TRAIN_RANGES: Readonly<Record<RecipeNumber, Range>> = {
  batchSize: whole(1, 65_536),
  learningRate: real(0, 1000),
  weightDecay: real(0, 1000),
  clipGradNorm: real(0, 1e9),
  warmupSteps: whole(0, COUNT_LIMIT),
  epochs: whole(1, 1_000_000),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  limitBatches: whole(0, COUNT_LIMIT),
  patience: whole(0, 1_000_000),
  logEvery: whole(1, COUNT_LIMIT),
  checkpointEvery: whole(0, COUNT_LIMIT),
  validationShare: real(0.0001, 0.9999),
};

/** Returns `config` unchanged; throws UsageError when a value is out of range or those of an aid do not fit together. */
export function validateTrainConfig(config: TrainConfig): TrainConfig {
  for (const key of Object.keys(TRAIN_RANGES) as RecipeNumber[]) {
    requireInRange(key, config[key], TRAIN_RANGES[key]);
  }
  validateAids(config);
  return config;
}
