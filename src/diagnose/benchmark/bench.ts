import type { Engine } from "../../engine/engine.ts";
import { LengthError } from "../../errors.ts";
import { type HaltingMode, type ModelConfig, PAPER_CONFIG } from "../../model/config.ts";
import { type BenchmarkCase, shapeName } from "./row.ts";
import type { TimedTask, TimingOptions } from "./timing.ts";

/** How much is computed in one run of a task. */
export interface BenchmarkSizes {
  /** Sequences of a batch. */
  readonly sequences: number;
  /** Tokens of each of them. */
  readonly tokens: number;
  /** Tokens of the sequences whose cost per token is compared with that of the first; each divides the last. */
  readonly lengths: readonly number[];
  /** Tokens of the sequences on which the models are compared; each divides the last. */
  readonly modelLengths: readonly number[];
  /** Tokens of the sequences of a training step on which the models are compared. */
  readonly longestTokens: number;
  /** Mean steps at which a training step is timed. */
  readonly depths: readonly number[];
}

/** The paper's batch at IMDb's mean length, and inputs up to 16,384 tokens. */
export const PAPER_SIZES: BenchmarkSizes = {
  sequences: 32,
  tokens: 275,
  lengths: [512, 2048, 8192, 16_384],
  modelLengths: [128, 256, 512, 1024, 2048, 4096, 8192],
  longestTokens: PAPER_CONFIG.maxSeqLength,
  depths: [1, 2, 3, 4, 5, 6, 7, 8],
};

/** Sizes that show whether everything runs; times of so little work say nothing about the paper's. */
export const QUICK_SIZES: BenchmarkSizes = {
  sequences: 4,
  tokens: 40,
  lengths: [64, 256],
  modelLengths: [32, 128],
  longestTokens: 48,
  depths: [1, 3, 8],
};

/** The device and the way in which it is timed. */
export interface Bench {
  /** Opens the device's engine on that many threads. */
  readonly open: (config: ModelConfig, threads: number) => Promise<Engine>;
  /** Name of the device in the rows. */
  readonly device: string;
  /** Thread counts that are compared, the fewest first; work that is not compared runs on the last. */
  readonly threads: readonly number[];
  readonly sizes: BenchmarkSizes;
  readonly timing: TimingOptions;
  /** Told what is left out because the device cannot compute it. */
  readonly onSkip: (line: string) => void;
}

/** What `prepare` gives, or undefined, and `onSkip` is told, where `what` is too long for the device. */
export async function unlessTooLong<T>(
  { onSkip }: Bench,
  what: string,
  prepare: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await prepare();
  } catch (error) {
    if (!(error instanceof LengthError)) throw error;
    onSkip(`Without ${what}: ${error.message}`);
    return undefined;
  }
}

/** The paper's model in one of its modes. */
export function paperModel(halting: HaltingMode): ModelConfig {
  return { ...PAPER_CONFIG, halting };
}

/** The thread count for work that is not compared. */
export function mostThreads({ threads }: Bench): number {
  return Math.max(...threads);
}

/** The part of a row that says what was measured; dropout and steps are those of inference unless given. */
export function caseOf(
  { device }: Bench,
  config: ModelConfig,
  details: {
    readonly threads: number;
    readonly sequences: number;
    readonly tokens: number;
    readonly meanSteps: number | null;
    readonly dropout?: number;
  },
): BenchmarkCase {
  return {
    device,
    threads: details.threads,
    model: config.model,
    halting: config.model === "epsilon" ? config.halting : null,
    shape: shapeName(details.sequences, details.tokens, config),
    dropout: details.dropout ?? 0,
    mean_steps: details.meanSteps,
  };
}

/** A task and what its time is the time of. */
export interface TimedCase extends TimedTask {
  readonly measured: BenchmarkCase;
}

/** Opens an engine that is closed with `stack`. */
export async function openWithin(
  stack: AsyncDisposableStack,
  bench: Bench,
  config: ModelConfig,
  threads: number,
): Promise<Engine> {
  return stack.adopt(await bench.open(config, threads), (engine) => engine.close());
}
