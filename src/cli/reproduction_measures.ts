import process from "node:process";
import { epochOrder } from "../data/batches.ts";
import type { TokenizedDataset } from "../data/dataset.ts";
import { stratifiedSplit } from "../data/split.ts";
import { type EpochTiming, type TimedModel, timeEpochs } from "../diagnose/epoch_timing.ts";
import { openEngine } from "../engine/open_engine.ts";
import { readRunJson } from "../metrics/run_json.ts";
import { requireVocabulary } from "../model/checkpoint.ts";
import { loadCheckpoint } from "../model/checkpoint_file.ts";
import type { ModelConfig } from "../model/config.ts";
import type { TestResult } from "../report/reproduction/results.ts";
import { evaluateDataset } from "../train/evaluation.ts";
import { batchesPerEpoch } from "../train/loop.ts";
import { runToEnd } from "../train/run_to_end.ts";
import type { Progress } from "./progress.ts";
import type { ReproduceContext } from "./reproduce.ts";
import type { PlannedRun } from "./reproduction_plan.ts";

/** Batches that a model is timed on in each round, and the rounds: many, as other programs disturb some. */
const TIMED_BATCHES = 24;
const ROUNDS = 11;

export interface MeasureOptions {
  readonly runs: readonly PlannedRun[];
  readonly dataset: TokenizedDataset;
  readonly values: ReproduceContext["values"];
  readonly progress: Progress;
}

/** Accuracy of each run's best checkpoint on all reviews of `dataset`, by folder. */
export async function testRuns({ runs, dataset, values, progress }: MeasureOptions): Promise<Map<string, TestResult>> {
  const results = new Map<string, TestResult>();
  const indices = Uint32Array.from(dataset.labels, (_, review) => review);
  for (const { folder, variant, seed } of runs) {
    const { checkpoint, path } = await loadCheckpoint(folder, { prefer: "best" });
    requireVocabulary(checkpoint, dataset.vocabularyHash, path);
    const { batchSize } = (await readRunJson(folder)).recipe;
    const engine = await openEngine(checkpoint.config, values);
    try {
      await engine.upload({ weights: checkpoint.state.weights });
      const work = evaluateDataset({ engine, dataset, indices, modelConfig: checkpoint.config, batchSize });
      progress.begin();
      const { reviews, accuracy, accuracyStandardError } = await runToEnd(work, ({ batch, batches }) => {
        progress.update({ label: `testing ${variant}, seed ${seed}`, done: batch, total: batches });
      });
      results.set(folder, { reviews, accuracy, standardError: accuracyStandardError });
    } finally {
      await engine.close();
    }
  }
  return results;
}

/** Milliseconds that all threads of this process have worked. */
function processorClock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Training times of the runs' models under equal conditions. */
export interface MeasuredTimes {
  readonly timings: readonly EpochTiming[];
  /** Batches of an epoch, for every model. */
  readonly batchesPerEpoch: number;
  /** Processor or adapter, threads. */
  readonly device: string;
}

/** Times training batches of each run's best checkpoint: one run a model, one split for all. */
export async function timeRuns({ runs, dataset, values, progress }: MeasureOptions): Promise<MeasuredTimes> {
  const models: TimedModel[] = [];
  let device = "";
  for (const { folder, variant } of runs) {
    const { checkpoint } = await loadCheckpoint(folder, { prefer: "best" });
    const { recipe } = await readRunJson(folder);
    models.push({ name: variant, config: checkpoint.config, recipe, weights: checkpoint.state.weights });
  }
  const [{ recipe }] = models;
  const { train } = stratifiedSplit(dataset.labels, recipe);
  const batches = batchesPerEpoch(train.length, recipe);
  const indices = epochOrder(train, recipe.seed, 0).subarray(0, recipe.batchSize * Math.min(TIMED_BATCHES, batches));
  const open = async (config: ModelConfig) => {
    const engine = await openEngine(config, values);
    device = engine.description;
    return engine;
  };
  const clock = () => performance.now();
  const work = timeEpochs({ models, open, dataset, indices, rounds: ROUNDS, clock, processorClock });
  progress.begin();
  const timings = await runToEnd(work, ({ turn, turns }) => {
    progress.update({ label: "timing under equal conditions", done: turn, total: turns });
  });
  return { timings, batchesPerEpoch: batches, device };
}
