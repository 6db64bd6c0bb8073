import type { ModelState } from "../model/state.ts";

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
  readonly bestAccuracy: number;
  readonly bestEpoch: number;
  readonly epochsSinceBest: number;
}

/** Running sums of an epoch's training metrics, each weighted as its mean asks. */
export interface EpochSums {
  readonly batches: number;
  readonly sequences: number;
  readonly tokens: number;
  readonly tokenSteps: number;
  readonly correct: number;
  /** Sums over batches of the batch's value. */
  readonly loss: number;
  readonly taskLoss: number;
  readonly klLoss: number;
  readonly entropyLoss: number;
}

/** One value of `metrics.csv` or `timing.csv`, still without the run's name. */
export interface MetricValue {
  readonly step: number;
  readonly epoch: number;
  readonly split: "train" | "validation" | "test";
  readonly metric: string;
  readonly value: number;
}

/** What the training loop tells; it prints and writes nothing itself. */
export type TrainEvent =
  | {
    readonly kind: "step";
    readonly step: number;
    readonly totalSteps: number;
    readonly epoch: number;
    readonly metrics: readonly MetricValue[];
    readonly timing: readonly MetricValue[];
    readonly loss: number;
    readonly tokensPerSecond: number;
  }
  | {
    readonly kind: "epoch";
    readonly epoch: number;
    readonly accuracy: number;
    readonly best: boolean;
    readonly metrics: readonly MetricValue[];
    readonly timing: readonly MetricValue[];
  }
  | {
    readonly kind: "checkpoint";
    readonly best: boolean;
    readonly position: TrainPosition;
    readonly state: Required<ModelState>;
  }
  | {
    readonly kind: "end";
    readonly outcome: "finished" | "stopped-early" | "interrupted";
    readonly position: TrainPosition;
  };
