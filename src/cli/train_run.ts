import { join } from "node:path";
import type { TokenizedDataset } from "../data/dataset.ts";
import { requireShiftWithin } from "../data/shift.ts";
import { stratifiedSplit } from "../data/split.ts";
import { chooseDevice, mayBeHalf } from "../engine/choose_device.ts";
import type { Engine } from "../engine/engine.ts";
import { NUMERICS } from "../engine/numerics.ts";
import { PRECISIONS } from "../engine/precision.ts";
import { DEVICES, openEngine, type OpenEngineOptions } from "../engine/open_engine.ts";
import { RunError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { PausedRun, type ResumePoint } from "../metrics/paused_run.ts";
import { measureRun, writeProvocation } from "../metrics/provocation_csv.ts";
import { recordRun } from "../metrics/record_run.ts";
import { RunFolder } from "../metrics/run_folder.ts";
import type { RunRecord } from "../metrics/run_json.ts";
import { nameRun } from "../metrics/run_name.ts";
import { CHECKPOINT_NAMES } from "../model/checkpoint_file.ts";
import { type ModelConfig, variantName } from "../model/config.ts";
import { kebabCase } from "../model/key_name.ts";
import { initialWeights } from "../model/initialization.ts";
import { tensorTable } from "../model/tensors.ts";
import { requireAnchorWithin } from "../train/aids.ts";
import type { TrainConfig } from "../train/config.ts";
import { batchesPerEpoch } from "../train/loop.ts";
import { NonFiniteLossError } from "../train/non_finite_loss.ts";
import { VERSION } from "../version.ts";
import { namedInstruments, prepareInstruments } from "./instrument_choice.ts";
import { warnOfPrecision } from "./half_precision.ts";
import { isGiven } from "./configuration.ts";
import { Interruption } from "./interruption.ts";
import { jsonDocument, writeLast } from "./output.ts";
import { Progress } from "./progress.ts";
import { chooseShift, prepareShift, recordedShift, requireSameDomain } from "./provocation.ts";
import { type ProvokeContext, SHIFT_OPTIONS } from "./provoke.ts";
import { chooseData, loadReviews, recordedData, requireSameData } from "./reviews.ts";
import {
  ignoredFlags,
  modelConfigOf,
  recipeOf,
  recordedConfiguration,
  requireSameConfiguration,
} from "./run_configuration.ts";
import type { TrainContext } from "./train.ts";
import { type PreparedRun, trainingEvents } from "./training_events.ts";
import { TrainingDisplay } from "./training_display.ts";
import { formatRunSummary, type RunSummary, summarizeRun } from "./training_summary.ts";

/** The body of `epsilon train`. */
export async function train(context: TrainContext): Promise<number> {
  const { values, terminal } = context;
  const progress = new Progress(values.progress);
  try {
    const { summary, exitCode } = values.resume === undefined
      ? await startRun(context, progress)
      : await resumeRun(context, values.resume, progress);
    progress.clear();
    await writeLast(terminal, values.json ? jsonDocument(summary) : formatRunSummary(summary));
    return exitCode;
  } finally {
    progress.clear();
  }
}

/** How a run ended. */
export interface Ended {
  readonly summary: RunSummary;
  readonly exitCode: number;
}

/** The options of a run whose distribution shifts. */
export type Shifting = Pick<ProvokeContext, "values" | "origins">;

/** Starts the run that `given` asks for and trains it to its end or to a signal. */
export async function startRun(context: TrainContext, progress: Progress, shifting?: Shifting): Promise<Ended> {
  const { values, terminal } = context;
  const ignored = ignoredFlags(context);
  if (ignored.length > 0) terminal.warn(`The ${values.model} model ignores ${ignored.join(", ")}.`);
  const recipe = recipeOf(context);
  // Checked before minutes may go into the data.
  modelConfigOf(context, 1);
  const choice = shifting && chooseShift(shifting.values, shifting.origins, values.maxSeqLength);
  const chosen = namedInstruments(values.instruments ?? "none");
  await chooseDevice(values);
  const data = await chooseData(values);
  const dataset = await loadReviews({ data, threads: values.threads, split: "train", progress, terminal });
  const model = modelConfigOf(context, dataset.vocabularySize);
  const reading = { dataset, data, model, recipe, threads: values.threads, progress, terminal };
  const provocation = choice && await prepareShift(choice, reading);
  if (choice) requireShiftWithin(choice.shiftAt, stepsOf(dataset, recipe));
  requireAnchorWithin(recipe, stepsOf(dataset, recipe));
  const read = await prepareInstruments(chosen, model, data.vocabulary, terminal);
  const engine = await openEngine(model, values);
  try {
    warnOfPrecision(engine, values, terminal);
    await engine.upload({ weights: initialWeights(model, recipe.seed) });
    const hashes = { dataSha256: dataset.dataHash, vocabularySha256: dataset.vocabularyHash };
    const identity = { model, recipe, ...hashes, ...provocation && { provocation: provocation.record } };
    const path = values.out ?? await freshFolder(model);
    await using folder = await RunFolder.create(path, {
      ...identity,
      run: await nameRun(identity),
      configuration: {
        ...recordedConfiguration(context, model, recipe, data),
        ...shifting && recordedShiftOptions(shifting),
      },
      ...circumstances(engine),
      parameterCount: tensorTable(model).parameterCount,
    });
    return await follow({ engine, dataset, model, recipe, read, folder, progress, provocation });
  } finally {
    await engine.close();
  }
}

/** Goes on with the run in `path`; options that `context` gives must be the run's. */
export async function resumeRun(
  context: TrainContext,
  path: string,
  progress: Progress,
  shifting?: Shifting,
): Promise<Ended> {
  const { values, origins, terminal } = context;
  if (isGiven(origins.out)) {
    throw new UsageError(
      "Cannot train: both --resume and --out were given",
      "Leave --out away: a resumed run goes on in its folder.",
    );
  }
  await using paused = await PausedRun.open(path);
  const { model, recipe } = paused.record;
  if (shifting === undefined) requireUnprovoked(paused.record, path);
  const choice = shifting && recordedShift(shifting.values, shifting.origins, path, paused.record);
  requireSameConfiguration(context, path, paused.record);
  const recorded = paused.record.configuration.instruments?.value;
  const usual = typeof recorded === "string" ? recorded : undefined;
  const chosen = namedInstruments((isGiven(origins.instruments) ? values.instruments : usual) ?? "none");
  const wanted = resumedDevice(context, paused.record);
  const device = { ...wanted, adapter: values.adapter };
  await chooseDevice(device);
  const data = recordedData(context, paused.record);
  const dataset = await loadReviews({ data, threads: values.threads, split: "train", progress, terminal });
  requireSameData(dataset, paused.record, `Cannot resume ${printable(path)}`);
  const reading = { dataset, data, model, recipe, threads: values.threads, progress, terminal };
  const provocation = choice && await prepareShift(choice, reading);
  if (provocation) requireSameDomain(provocation, paused.record, `Cannot resume ${printable(path)}`);
  const read = await prepareInstruments(chosen, model, data.vocabulary, terminal);
  const engine = await openEngine(model, { ...device, threads: values.threads });
  try {
    warnOfPrecision(engine, device, terminal);
    await engine.upload(paused.resumePoint?.state ?? { weights: initialWeights(model, recipe.seed) });
    await using folder = await paused.resume({
      ...circumstances(engine),
      instruments: chosen.size === 0 ? "none" : [...chosen].join(),
    });
    const from = paused.resumePoint;
    return await follow({ engine, dataset, model, recipe, read, folder, progress, provocation, from });
  } finally {
    await engine.close();
  }
}

/** By what a run is made: together with configuration, seed and data this decides its bytes. */
function circumstances({ description, arithmetic }: Engine) {
  const platform = `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.os} ${Deno.build.arch}`;
  return { codeVersion: VERSION, device: description, arithmetic, platform };
}

/** Device, numerics and precision that were asked for, else the run's: others round differently, which is worth a warning. */
function resumedDevice(
  { values, origins, terminal }: TrainContext,
  { configuration }: RunRecord,
): Pick<OpenEngineOptions, "device" | "numerics" | "precision"> {
  const recorded = {
    device: DEVICES.find((device) => device === configuration.device?.value) ?? "auto",
    numerics: NUMERICS.find((numerics) => numerics === configuration.numerics?.value) ?? "fast",
    precision: PRECISIONS.find((precision) => precision === configuration.precision?.value) ?? "f32",
  };
  const device = isGiven(origins.device) ? values.device : recorded.device;
  const numerics = isGiven(origins.numerics) ? values.numerics : recorded.numerics;
  const usual = mayBeHalf(device, numerics) ? recorded.precision : "f32";
  const chosen = { device, numerics, precision: isGiven(origins.precision) ? values.precision : usual };
  for (const key of ["device", "numerics", "precision"] as const) {
    if (chosen[key] === recorded[key]) continue;
    terminal.warn(`The run was started with --${key} ${recorded[key]}: from here on results may differ in rounding.`);
  }
  return chosen;
}

interface Run extends PreparedRun {
  readonly folder: RunFolder;
  readonly progress: Progress;
  readonly from?: ResumePoint | undefined;
}

/** Trains to the end or to a signal, recording and showing what happens. */
async function follow(run: Run): Promise<Ended> {
  const { engine, dataset, model, recipe, folder, progress, provocation, from } = run;
  const split = stratifiedSplit(dataset.labels, recipe);
  const display = new TrainingDisplay(progress, {
    trainingBatches: batchesPerEpoch(split.train.length, recipe),
    validationBatches: Math.ceil(split.validation.length / recipe.batchSize),
    epochs: recipe.epochs,
  });
  using interruption = new Interruption((signal) =>
    progress.milestone(`${signal}: saving a checkpoint; a second signal quits at once`, { kind: "signal", signal })
  );
  progress.begin();
  progress.milestone(
    `Training ${tensorTable(model).parameterCount} parameters on ${split.train.length} reviews, ` +
      `validating on ${split.validation.length}: ${engine.description}; run folder ${folder.path}`,
    { kind: "start", folder: folder.path, run: folder.record.run, device: engine.description },
  );
  const events = trainingEvents(run, { signal: interruption.signal, from });
  const tellMeasures = async (broken: boolean) => {
    if (provocation === undefined) return;
    await writeProvocation(folder.path, folder.record.run, await measureRun(folder.path, folder.record, broken));
  };
  try {
    for await (const event of recordRun(events, folder)) {
      display.show(event);
      if (event.kind !== "end") continue;
      if (event.outcome !== "interrupted") await tellMeasures(false);
      const summary = summarizeRun({ folder, end: event, lastEpoch: display.lastEpoch });
      return { summary, exitCode: event.outcome === "interrupted" ? interruption.exitCode ?? 1 : 0 };
    }
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (error instanceof NonFiniteLossError) await tellMeasures(true);
    const checkpoint = printable(join(folder.path, CHECKPOINT_NAMES.last));
    const goOn = `Then go on with epsilon ${provocation ? "provoke" : "train"} --resume ${printable(folder.path)}.`;
    throw new RunError(
      `${error.message}; the last good checkpoint is ${checkpoint}`,
      error instanceof NonFiniteLossError ? error.hint : `${error.hint} ${goOn}`,
      { cause: error },
    );
  }
  throw new RunError("Training stopped: it told no end", "This is a fault of epsilon: please report it.");
}

/** What `run.json` keeps of the shift's options: where each came from, and where the second domain lies. */
function recordedShiftOptions({ values, origins }: Shifting): RunRecord["configuration"] {
  const keys = Object.keys(SHIFT_OPTIONS) as (keyof typeof SHIFT_OPTIONS)[];
  return Object.fromEntries(keys.map((key) => [kebabCase(key), { value: values[key] ?? null, origin: origins[key] }]));
}

function requireUnprovoked({ provocation }: RunRecord, path: string): void {
  if (provocation === undefined) return;
  throw new UsageError(
    `Cannot go on with ${printable(path)}: its distribution shifts at step ${provocation.shiftAt}`,
    `Go on with it by epsilon provoke --resume ${printable(path)}.`,
  );
}

function stepsOf(dataset: TokenizedDataset, recipe: TrainConfig): number {
  return batchesPerEpoch(stratifiedSplit(dataset.labels, recipe).train.length, recipe) * recipe.epochs;
}

/** A folder under `runs` that is not there yet, named after model and time: `runs/epsilon-exit-20261122-184210`. */
async function freshFolder(model: ModelConfig): Promise<string> {
  const time = new Date().toISOString().replace(/\..*/, "").replaceAll(/[-:]/g, "").replace("T", "-");
  const name = join("runs", `${variantName(model)}-${time}`);
  for (let copy = 1;; copy++) {
    const path = copy === 1 ? name : `${name}-${copy}`;
    if (await Deno.lstat(path).then(() => false, () => true)) return path;
  }
}
