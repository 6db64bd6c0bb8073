import { stratifiedSplit } from "../data/split.ts";
import type { TokenizedDataset } from "../data/dataset.ts";
import { chooseDevice } from "../engine/choose_device.ts";
import { openEngine } from "../engine/open_engine.ts";
import { DataError } from "../errors.ts";
import { makeFolder } from "../files/make_folder.ts";
import { readRuns } from "../report/run.ts";
import { meanOf } from "../report/statistics.ts";
import { bestEpoch } from "../report/summary.ts";
import type { ReproducedRun } from "../report/reproduction/results.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import { Progress } from "./progress.ts";
import type { ReproduceContext, ReproducedModel } from "./reproduce.ts";
import { inspectPlace, type Plan, type PlannedRun, planRun, readPlan, trainContext } from "./reproduction_plan.ts";
import { formatReproduction, writeReproduction } from "./reproduction_output.ts";
import { testRuns, timeRuns } from "./reproduction_measures.ts";
import { chooseData, loadReviews } from "./reviews.ts";
import { modelConfigOf } from "./run_configuration.ts";
import { resumeRun, startRun } from "./train_run.ts";

const DEFAULT_FOLDER = "reproduction";

/** The body of `epsilon reproduce`. */
export async function reproduce(context: ReproduceContext): Promise<number> {
  const { values } = context;
  const plan = readPlan(values);
  const progress = new Progress(values.progress);
  const terminal = sayingOnce(context.terminal);
  try {
    return await new Reproducing({ ...context, terminal }, progress, plan).run();
  } finally {
    progress.clear();
  }
}

/** Every run would say the same of the same reviews. */
function sayingOnce(terminal: Terminal): Terminal {
  const said = new Set<string>();
  const once = (tell: (line: string) => void) => (line: string) => {
    if (!said.has(line)) tell(line);
    said.add(line);
  };
  return { ...terminal, say: once(terminal.say), warn: once(terminal.warn) };
}

class Reproducing {
  readonly #context: ReproduceContext;
  readonly #progress: Progress;
  readonly #plan: Plan;
  readonly #folder: string;

  constructor(context: ReproduceContext, progress: Progress, plan: Plan) {
    this.#context = context;
    this.#progress = progress;
    this.#plan = plan;
    this.#folder = context.values.out ?? DEFAULT_FOLDER;
  }

  async run(): Promise<number> {
    const { values, terminal } = this.#context;
    await chooseDevice(values);
    await makeFolder(this.#folder);
    const data = await chooseData(values);
    const reading = { data, threads: values.threads, progress: this.#progress, terminal };
    const dataset = await loadReviews({ ...reading, split: "train" });
    const test = values.testData === undefined
      ? undefined
      : await loadReviews({ ...reading, data: { ...data, data: values.testData }, split: "test" });

    await this.#requireFeasible(dataset);
    const finished = new Map<ReproducedModel, PlannedRun[]>();
    for (const model of this.#plan.keys()) {
      const runs = this.#runsOf(model, model === "repeat" ? await meanSteps(finished.get("exit") ?? []) : 1);
      for (const run of runs) {
        const exitCode = await this.#complete(run, dataset);
        if (exitCode !== 0) return exitCode;
      }
      finished.set(model, runs);
    }
    const planned = [...finished.values()].flat();
    const results = await collect(planned, dataset, test === undefined ? undefined : await this.#test(planned, test));
    const timing = await timeRuns({
      runs: [...finished.values()].map(([first]) => first),
      dataset,
      values,
      progress: this.#progress,
    });
    this.#progress.clear();
    const output = await writeReproduction({ context: this.#context, folder: this.#folder, results, timing, dataset });
    await terminal.write(values.json ? jsonDocument(output) : formatReproduction(output));
    return 0;
  }

  #runsOf(model: ReproducedModel, repeat: number): PlannedRun[] {
    const seeds = this.#plan.get(model) ?? [];
    return seeds.map((seed) => planRun(this.#context, this.#folder, model, seed, repeat));
  }

  /** Hours of training must not end at a device without the next model's kernels, or at a foreign run in its place. */
  async #requireFeasible(dataset: TokenizedDataset): Promise<void> {
    const { values, terminal } = this.#context;
    for (const model of this.#plan.keys()) {
      const runs = this.#runsOf(model, 1);
      const context = trainContext(runs[0], [], terminal);
      await (await openEngine(modelConfigOf(context, dataset.vocabularySize), values)).close();
      if (model === "repeat") continue; // its places are known once its k is
      for (const run of runs) await inspectPlace(run, dataset, terminal);
    }
  }

  /** Trains a run to its end unless it is there; returns the exit code. */
  async #complete(run: PlannedRun, dataset: TokenizedDataset): Promise<number> {
    const { terminal } = this.#context;
    const state = await inspectPlace(run, dataset, terminal);
    const doing = { missing: "training", unfinished: "going on with", finished: "taking" }[state];
    this.#progress.milestone(`${run.variant}, seed ${run.seed}: ${doing} ${run.folder}`, {
      kind: "run",
      variant: run.variant,
      seed: run.seed,
      folder: run.folder,
      state,
    });
    if (state === "finished") return 0;
    const ended = state === "missing"
      ? await startRun(trainContext(run, [["out", run.folder]], terminal), this.#progress)
      : await resumeRun(trainContext(run, [], terminal), run.folder, this.#progress);
    if (ended.exitCode !== 0) {
      this.#progress.clear();
      terminal.say("Interrupted: the same command goes on from here.");
    }
    return ended.exitCode;
  }

  async #test(planned: readonly PlannedRun[], dataset: TokenizedDataset) {
    const { values } = this.#context;
    return await testRuns({ runs: planned, dataset, values, progress: this.#progress });
  }
}

/** k: the mean over the exit runs of their best epochs' mean steps, rounded. */
async function meanSteps(runs: readonly PlannedRun[]): Promise<number> {
  const read = await readRuns(runs.map(({ folder }) => folder), { instruments: [] });
  const steps = read.map((run) => {
    const value = bestEpoch(run)?.validation.get("halting_steps_mean") ?? null;
    if (value !== null) return value;
    throw new DataError(
      `Cannot tell the mean steps of ${run.path}: its metrics.csv has none for its best epoch`,
      "Leave repeat out of --models, or train that run anew.",
    );
  });
  return Math.max(1, Math.round(meanOf(steps)));
}

/** The runs as a report reads them, in the plan's order. */
async function collect(
  planned: readonly PlannedRun[],
  dataset: TokenizedDataset,
  tests: ReadonlyMap<string, NonNullable<ReproducedRun["test"]>> | undefined,
): Promise<ReproducedRun[]> {
  const read = await readRuns(planned.map(({ folder }) => folder), { instruments: [] });
  return planned.flatMap(({ variant, seed, folder }) => {
    const run = read.find(({ path }) => path === folder);
    if (run?.record === undefined) throw new DataError(`Cannot read the run ${folder}: it is gone`, "Run it again.");
    const validationReviews = stratifiedSplit(dataset.labels, run.record.recipe).validation.length;
    const test = tests?.get(folder);
    return [{ variant, seed, run, validationReviews, ...test === undefined ? {} : { test } }];
  });
}
