import type { Bench } from "./bench.ts";
import { benchmarkDepth } from "./depth.ts";
import { benchmarkGpu } from "./gpu.ts";
import { benchmarkInference } from "./inference.ts";
import { benchmarkKernels } from "./kernels.ts";
import { benchmarkLength } from "./length.ts";
import { benchmarkModels } from "./models.ts";
import { benchmarkOptimizer } from "./optimizer.ts";
import { benchmarkRepeat } from "./repeat.ts";
import type { BenchmarkRow } from "./row.ts";
import { benchmarkTraining } from "./training.ts";

/** One part of the benchmark: the figures that are timed against each other. */
export interface BenchmarkSubject {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<BenchmarkRow[]>;
}

const TRAINING: BenchmarkSubject = { name: "training steps", run: benchmarkTraining };

const MODELS: BenchmarkSubject = { name: "models", run: benchmarkModels };

/** The whole benchmark, in the order of its rows. */
export const BENCHMARK: readonly BenchmarkSubject[] = [
  { name: "kernels", run: benchmarkKernels },
  TRAINING,
  { name: "optimizer", run: benchmarkOptimizer },
  { name: "depth", run: benchmarkDepth },
  { name: "fixed depth", run: benchmarkRepeat },
  { name: "length", run: benchmarkLength },
  { name: "inference", run: benchmarkInference },
  { name: "GPU", run: benchmarkGpu },
];

/** What the paper's models cost beside each other. */
export const MODEL_COMPARISON: readonly BenchmarkSubject[] = [MODELS];

/** What tells how well more threads are used. */
export const THREAD_COMPARISON: readonly BenchmarkSubject[] = [TRAINING];
