import { sweepThresholds } from "../diagnose/threshold_sweep.ts";
import { chooseDevice } from "../engine/choose_device.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open_engine.ts";
import { UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import type { RunRecord } from "../metrics/run_json.ts";
import { predictionsCsv } from "../metrics/predictions_csv.ts";
import { readTrainPosition } from "../metrics/train_position.ts";
import { type Checkpoint, requireVocabulary } from "../model/checkpoint.ts";
import { type ModelConfig, PAPER_CONFIG } from "../model/config.ts";
import { evaluateDataset, type Evaluation } from "../train/evaluation.ts";
import { wilsonInterval } from "../train/interval.ts";
import { runToEnd } from "../train/run_to_end.ts";
import { klScaleAt } from "../train/schedule.ts";
import { chooseModel, modelName, nameInTalk, warnOfBareWeights } from "./chosen_model.ts";
import type { EvaluateContext } from "./evaluate.ts";
import { reportSweep } from "./evaluate_sweep.ts";
import { formatTable } from "./format.ts";
import { warnOfPrecision } from "./half_precision.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import { judgedData, placeOf, recordBeside, splitReviews } from "./judged_reviews.ts";
import { Progress } from "./progress.ts";
import { loadReviews } from "./reviews.ts";
import { readThresholds } from "./thresholds.ts";

type Split = EvaluateContext["values"]["split"];

/** The body of `epsilon evaluate`. */
export async function evaluate({ values, origins, positionals, terminal }: EvaluateContext): Promise<number> {
  const [given] = positionals;
  const thresholds = thresholdsOf(values);
  await chooseDevice(values);
  const model = await chooseModel(given, { fallbackConfig: PAPER_CONFIG });
  const { checkpoint, path } = model;
  if (model.builtIn) terminal.say(`Using ${nameInTalk(model)}; a run folder or checkpoint file takes its place.`);
  warnOfBareWeights(checkpoint, path, terminal);
  const record = model.builtIn ? undefined : await recordBeside(path, checkpoint);
  const progress = new Progress(values.progress);
  try {
    const dataset = await loadReviews({
      data: await judgedData({ values, origins }, record),
      threads: values.threads,
      split: values.split === "test" ? "test" : "train",
      progress,
      terminal,
    });
    requireVocabulary(checkpoint, dataset.vocabularyHash, path);
    const indices = splitReviews(values.split, dataset, checkpoint, path);
    const klScale = klScaleOf(checkpoint, record, path);
    const { config: modelConfig } = checkpoint;
    const judged = { dataset, indices, modelConfig, batchSize: values.batchSize, klScale };
    if (thresholds !== undefined) {
      const points = await judge(
        { checkpoint, values, progress, terminal },
        (engine) => sweepThresholds({ ...judged, engine, thresholds }),
      );
      progress.clear();
      await reportSweep({ model, record, klScale, points, values, terminal });
      return 0;
    }
    const evaluation = await judge(
      { checkpoint, values, progress, terminal },
      (engine) => evaluateDataset({ ...judged, engine }),
    );
    progress.clear();
    if (values.predictions !== undefined) {
      const place = { ...placeOf(checkpoint, path), split: values.split, dataSha256: dataset.dataHash };
      await writeFileAtomically(values.predictions, predictionsCsv(place, indices, evaluation.outputs));
    }
    const { config } = checkpoint;
    const named = { checkpoint: path, ...modelName(model), split: values.split };
    const result = { ...named, ...resultOf(evaluation, config, klScale) };
    await terminal.write(values.json ? jsonDocument(result) : formatEvaluation(path, values.split, evaluation, config));
    return 0;
  } finally {
    progress.clear();
  }
}

/** The thresholds that were asked for, if any; throws UsageError before any work is done. */
function thresholdsOf({ haltThreshold, out, predictions }: EvaluateContext["values"]): number[] | undefined {
  if (haltThreshold !== undefined && predictions !== undefined) {
    throw new UsageError(
      "Cannot write predictions: --halt-threshold judges the reviews more than once",
      "Leave out --predictions or --halt-threshold.",
    );
  }
  if (haltThreshold !== undefined) return readThresholds(haltThreshold);
  if (out === undefined) return undefined;
  throw new UsageError(
    "Cannot use --out: no --halt-threshold was given",
    "Give --halt-threshold, or use --json > FILE.",
  );
}

interface Judgement {
  readonly checkpoint: Checkpoint;
  readonly values: EvaluateContext["values"];
  readonly progress: Progress;
  readonly terminal: Terminal;
}

/** What a batch of `work` tells of how far it has come. */
interface BatchDone {
  readonly batch: number;
  readonly batches: number;
  readonly tokens: number;
}

/** Opens the device with the checkpoint's weights, does `work` on it and shows how far that is. */
async function judge<Result>(
  { checkpoint, values, progress, terminal }: Judgement,
  work: (engine: Engine) => AsyncGenerator<BatchDone, Result, void>,
): Promise<Result> {
  const engine = await openEngine(checkpoint.config, values);
  try {
    warnOfPrecision(engine, values, terminal);
    await engine.upload({ weights: checkpoint.state.weights });
    progress.begin();
    let value = 0;
    return await runToEnd(work(engine), ({ batch, batches, tokens }) => {
      value += tokens;
      progress.update({ label: "evaluating", done: batch, total: batches, count: { value, unit: "tokens" } });
    });
  } finally {
    await engine.close();
  }
}

/** The scale of the KL term with which training validated these weights, so that losses compare; else 1. */
function klScaleOf({ position }: Checkpoint, record: RunRecord | undefined, path: string): number {
  if (position === undefined || record === undefined) return 1;
  const { epoch } = readTrainPosition(position, path);
  return klScaleAt(Math.max(0, epoch - 1), record.recipe.epochs);
}

/** What there is to say of a model that halts, and only of one. */
function haltingResults(evaluation: Evaluation, { model }: ModelConfig, klScale: number) {
  if (model === "vanilla") return {};
  return {
    kl_loss: evaluation.klLoss,
    entropy_loss: evaluation.entropyLoss,
    kl_scale: klScale,
    halting_depth_mean: evaluation.haltingDepthMean,
    halting_steps_mean: evaluation.haltingStepsMean,
  };
}

function resultOf(evaluation: Evaluation, config: ModelConfig, klScale: number) {
  const { lower, upper } = wilsonInterval(evaluation.accuracy, evaluation.reviews);
  return {
    reviews: evaluation.reviews,
    tokens: evaluation.tokens,
    accuracy: evaluation.accuracy,
    accuracy_standard_error: evaluation.accuracyStandardError,
    accuracy_lower: lower,
    accuracy_upper: upper,
    loss: evaluation.loss,
    task_loss: evaluation.taskLoss,
    ece: evaluation.ece,
    mce: evaluation.mce,
    brier: evaluation.brier,
    ...haltingResults(evaluation, config, klScale),
    seconds: evaluation.stopwatch.seconds,
  };
}

function formatEvaluation(path: string, split: Split, evaluation: Evaluation, { model }: ModelConfig): string {
  const halting = (rows: readonly [string, string][]) => model === "vanilla" ? [] : rows;
  const percent = (share: number) => (100 * share).toFixed(2);
  const { lower, upper } = wilsonInterval(evaluation.accuracy, evaluation.reviews);
  return formatTable([
    ["checkpoint", path],
    ["reviews", `${evaluation.reviews} (${split})`],
    ["accuracy", `${percent(evaluation.accuracy)} % ± ${percent(evaluation.accuracyStandardError)} % (standard error)`],
    ["95 % interval of the accuracy", `${percent(lower)} to ${percent(upper)} %`],
    ["loss", evaluation.loss.toFixed(4)],
    ["task loss", evaluation.taskLoss.toFixed(4)],
    ...halting([
      ["KL loss", evaluation.klLoss.toFixed(4)],
      ["entropy loss", evaluation.entropyLoss.toFixed(4)],
    ]),
    ["expected calibration error", `${percent(evaluation.ece)} %`],
    ["maximum calibration error", `${percent(evaluation.mce)} %`],
    ["Brier score", evaluation.brier.toFixed(4)],
    ...halting([
      ["mean halting depth", evaluation.haltingDepthMean.toFixed(3)],
      ["mean halting steps", evaluation.haltingStepsMean.toFixed(3)],
    ]),
  ]);
}
