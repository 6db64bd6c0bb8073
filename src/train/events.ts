import type { ModelState } from "../model/state.ts";
import type { Outputs } from "./evaluation.ts";
import type { KeptSlabs } from "./retention.ts";
import type { AidState } from "./training_aids.ts";

/** Where a run stands; together with weights and optimizer state it determines everything that follows. */
export interface TrainPosition {
  /** Optimizer steps taken. */
  readonly step: number;
  /** Epoch under way or next, from 0. */
  readonly epoch: number;
  /** Batches of that epoch already trained. */
  readonly batch: number;
  /** Sums over the batches of that epoch already trained, for its epoch row. */
  readonly sums: EpochSums;
  /** Best validation accuracy so far; −1 before the first validation. */
  readonly bestAccuracy: number;
  /** Number (from 1) of the epoch that reached it first; 0 before the first validation. */
  readonly bestEpoch: number;
  readonly epochsSinceBest: number;
  /** What the training aids remember; absent where all are off or none has acted. */
  readonly aids?: AidState;
}

/** Running sums of an epoch's training metrics, each weighted as its mean asks (spec §2). */
export interface EpochSums {
  readonly batches: number;
  readonly sequences: number;
  readonly tokens: number;
  readonly tokenSteps: number;
  readonly correct: number;
  /** Sum over sequences. */
  readonly taskLoss: number;
  /** Sum over tokens. */
  readonly klLoss: number;
  /** Sum over tokens. */
  readonly entropyLoss: number;
  /** Sum over batches of the norm before clipping. */
  readonly gradNorm: number;
}

/** One value of `metrics.csv` or `timing.csv`, still without the run's name. */
export interface MetricValue {
  /** Optimizer steps taken when it was measured. */
  readonly step: number;
  /**
   * In an epoch row, the number of the epoch from 1. Null, an empty field, in a step row: so the two kinds are told
   * apart, and (step, epoch, split, metric) names one value, also where an epoch ends on a logged step.
   */
  readonly epoch: number | null;
  readonly split: "train" | "validation" | "test";
  readonly metric: string;
  readonly value: number;
}

/** What the training loop tells; it prints and writes nothing itself. */
export type TrainEvent =
  /** One batch is done. For a progress display; nothing of it is recorded. */
  | {
    readonly kind: "progress";
    readonly phase: "training" | "validation";
    /** Number of the epoch, from 1. */
    readonly epoch: number;
    readonly epochs: number;
    /** Batches of this phase of the epoch that are done, and all of them. */
    readonly batch: number;
    readonly batches: number;
    /** Tokens and reviews of this batch. */
    readonly tokens: number;
    readonly reviews: number;
    /** Mean loss of the epoch so far. */
    readonly loss: number;
  }
  /** Every `logEvery` optimizer steps: the values of that one batch. */
  | {
    readonly kind: "step";
    readonly step: number;
    readonly totalSteps: number;
    /** Number of the epoch, from 1. */
    readonly epoch: number;
    readonly metrics: readonly MetricValue[];
    readonly timing: readonly MetricValue[];
    readonly loss: number;
    readonly tokensPerSecond: number;
  }
  /** Training has reached the step from which on it sees other reviews; the engine holds the weights before it. */
  | {
    readonly kind: "shift";
    /** Optimizer steps taken. */
    readonly step: number;
  }
  /** An epoch is trained and validated. */
  | {
    readonly kind: "epoch";
    /** Optimizer steps taken. */
    readonly step: number;
    /** Number of the epoch, from 1. */
    readonly epoch: number;
    readonly accuracy: number;
    readonly best: boolean;
    /** Of the validation reviews, in their order. */
    readonly outputs: Outputs;
    readonly metrics: readonly MetricValue[];
    readonly timing: readonly MetricValue[];
  }
  /** Weights to be kept: before the first step, after each epoch, every `checkpointEvery` steps, on interruption. */
  | {
    readonly kind: "checkpoint";
    readonly best: boolean;
    readonly position: TrainPosition;
    readonly state: Required<ModelState>;
    /** Slabs that a training aid keeps beside the weights, by name. */
    readonly kept?: KeptSlabs;
  }
  | {
    readonly kind: "end";
    readonly outcome: "finished" | "stopped-early" | "interrupted";
    readonly position: TrainPosition;
  };
