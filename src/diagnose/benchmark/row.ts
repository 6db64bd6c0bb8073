import type { HaltingMode, ModelConfig } from "../../model/config.ts";

/** What a figure is measured on. */
export interface BenchmarkCase {
  /** Processor or adapter. */
  readonly device: string;
  /** Threads, the calling one included. */
  readonly threads: number;
  readonly model: ModelConfig["model"];
  /** Null for a model that does not halt. */
  readonly halting: HaltingMode | null;
  /** Sequences × tokens and the model's sizes. */
  readonly shape: string;
  /** Probability of dropping a value. */
  readonly dropout: number;
  /** Block applications that were really computed, per token; null where the figure does not depend on them. */
  readonly mean_steps: number | null;
}

/** One figure of the benchmark; the keys are the columns of its CSV. */
export interface BenchmarkRow extends BenchmarkCase {
  readonly figure: string;
  readonly unit: string;
  readonly median: number;
  /** Of the fastest run; of a ratio, that of the fastest runs. */
  readonly best: number;
  /** Timed runs behind the figure, warm-up not counted; 0 for what is counted and not timed. */
  readonly runs: number;
}

/** Columns of the CSV, in order. */
export const BENCHMARK_COLUMNS = [
  "device",
  "threads",
  "model",
  "halting",
  "shape",
  "dropout",
  "mean_steps",
  "figure",
  "unit",
  "median",
  "best",
  "runs",
] as const satisfies readonly (keyof BenchmarkRow)[];

/** For example `32x275 d12 H2 B16 F72 L8`: sequences × tokens, then d, heads, bins (where there are any), FFN and layers. */
export function shapeName(sequences: number, tokens: number, config: ModelConfig): string {
  const { model, dModel, numHeads, numBins, ffnDim, maxLayers } = config;
  const bins = model === "epsilon" ? ` B${numBins}` : "";
  return `${sequences}x${tokens} d${dModel} H${numHeads}${bins} F${ffnDim} L${maxLayers}`;
}

/** The middle of `values`, of which there is at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** A time: `milliseconds` of the runs, each times `factor`. */
export function timeRow(
  measured: BenchmarkCase,
  figure: string,
  unit: string,
  milliseconds: readonly number[],
  factor = 1,
): BenchmarkRow {
  return {
    ...measured,
    figure,
    unit,
    median: median(milliseconds) * factor,
    best: Math.min(...milliseconds) * factor,
    runs: milliseconds.length,
  };
}

/** What is counted and not timed. */
export function countRow(measured: BenchmarkCase, figure: string, unit: string, count: number): BenchmarkRow {
  return { ...measured, figure, unit, median: count, best: count, runs: 0 };
}

/** A throughput: `amount` things in each of the runs, per second. */
export function rateRow(
  measured: BenchmarkCase,
  figure: string,
  unit: string,
  milliseconds: readonly number[],
  amount: number,
): BenchmarkRow {
  const perSecond = (time: number) => 1000 * amount / time;
  return {
    ...measured,
    figure,
    unit,
    median: perSecond(median(milliseconds)),
    best: perSecond(Math.min(...milliseconds)),
    runs: milliseconds.length,
  };
}

/**
 * How many times as long `above` took as `below`: the median over pairs of runs that followed each other, so that a
 * change of the machine's pace falls out.
 */
export function ratioRow(
  measured: BenchmarkCase,
  figure: string,
  unit: string,
  above: readonly number[],
  below: readonly number[],
): BenchmarkRow {
  return {
    ...measured,
    figure,
    unit,
    median: median(above.map((time, run) => time / below[run])),
    best: Math.min(...above) / Math.min(...below),
    runs: above.length,
  };
}
