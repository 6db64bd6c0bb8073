import type { ModelConfig } from "../../model/config.ts";
import type { Precision } from "../precision.ts";
import { fours } from "./fields.ts";
import { programOf } from "./program.ts";

/** The work of a batch. */
export interface BatchWork {
  readonly sequences: number;
  readonly tokens: number;
  /** Block applications per token. */
  readonly meanSteps: number;
}

/** What a training step asks of a GPU, counted from the layout of its memory. */
export interface StepCounters {
  readonly dispatches: number;
  /** Workgroup memory of a sequence. */
  readonly workgroupBytes: number;
  /** Memory on the device that a token of a batch takes. */
  readonly tokenBytes: number;
  /** Bytes per token that the step writes at least, and reads again. */
  readonly movedPerToken: number;
}

/** Dispatches of a training step beside those over its sequences: reduce, adamw. */
const OTHER_DISPATCHES = 2;

const FLOAT = 4;
const VECTOR = 16;

/**
 * Counts a training step of `config`. Reads and writes are the least: every value that a step's passes hand to each
 * other moves once each way. What a kernel reads again comes on top, as far as the caches of a GPU do not hold it.
 */
export function stepCounters(
  config: ModelConfig,
  { sequences, tokens, meanSteps }: BatchWork,
  threads: number,
  precision: Precision = "f32",
): StepCounters {
  const program = programOf(config, precision);
  const { vectorBytes } = program.storage;
  const { parameterCount, smallCount, packedVectors } = program.layout;
  const rows = tokens * meanSteps * stepVectors(config) * vectorBytes;
  // Packed weights, gradient slots, the rows of the embedding's gradient; AdamW reads and writes four slabs.
  const handed = VECTOR * packedVectors + FLOAT * smallCount * sequences +
    vectorBytes * fours(config.dModel) * tokens;
  const moved = rows + handed + 4 * FLOAT * parameterCount;
  return {
    dispatches: OTHER_DISPATCHES + program.trainPasses.length,
    workgroupBytes: program.workgroupBytes(threads),
    tokenBytes: vectorBytes * program.rowVectors("train") + FLOAT * (program.haltFloats + program.listWords("train")),
    movedPerToken: moved / tokens,
  };
}

/** Vectors of `rows` that one application of the block to one token fills: what is kept of it, and scratch. */
const stepVectors = (config: ModelConfig): number =>
  programOf({ ...config, maxLayers: 1, repeat: 1 }).rowVectors("train");

/** A GPU in round numbers. */
export interface GpuPace {
  /** Bytes a second that its memory moves. */
  readonly bandwidth: number;
  /** Microseconds that a dispatch costs by itself. */
  readonly dispatch: number;
}

/** A laptop's GPU by what drivers were measured to take: 24 to 36 µs a dispatch, 100 GB/s. */
export const LAPTOP_GPU: Readonly<Record<"best" | "median", GpuPace>> = {
  best: { bandwidth: 1e11, dispatch: 24 },
  median: { bandwidth: 1e11, dispatch: 36 },
};

/** Milliseconds that such a step takes at least on a GPU of that pace. */
export function expectedMilliseconds(
  { dispatches, movedPerToken }: StepCounters,
  tokens: number,
  { bandwidth, dispatch }: GpuPace,
): number {
  return 1000 * tokens * 2 * movedPerToken / bandwidth + dispatches * dispatch / 1000;
}
