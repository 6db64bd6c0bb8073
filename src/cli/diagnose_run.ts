import { basename, dirname, join } from "node:path";
import type { TokenizedDataset } from "../data/dataset.ts";
import { readInstruments } from "../diagnose/instruments/diagnosis.ts";
import { THOROUGH } from "../diagnose/instruments/effort.ts";
import { type InstrumentName, tablesOf } from "../diagnose/instruments/instruments.ts";
import { sampleOrder } from "../diagnose/instruments/sample.ts";
import { type Figure, summarizeRows } from "../diagnose/instruments/summary.ts";
import type { InstrumentRow } from "../diagnose/instruments/table.ts";
import { chooseDevice } from "../engine/choose_device.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open_engine.ts";
import { DataError, UsageError } from "../errors.ts";
import { isThere } from "../files/is_there.ts";
import { makeFolder } from "../files/make_folder.ts";
import { printable } from "../files/printable.ts";
import { replaceInstrumentRows } from "../metrics/instrument_csv.ts";
import { RunLock } from "../metrics/run_lock.ts";
import { type Diagnosed, readRunJson, RUN_JSON, type RunRecord, writeRunJson } from "../metrics/run_json.ts";
import { type Checkpoint, requireVocabulary } from "../model/checkpoint.ts";
import { loadCheckpoint } from "../model/checkpoint_file.ts";
import { PAPER_CONFIG } from "../model/config.ts";
import { evaluateDataset, type Outputs } from "../train/evaluation.ts";
import { runToEnd } from "../train/run_to_end.ts";
import type { DiagnoseContext } from "./diagnose.ts";
import { warnOfBareWeights } from "./chosen_model.ts";
import { formatTable } from "./format.ts";
import { warnOfPrecision } from "./half_precision.ts";
import { namedInstruments, prepareInstruments } from "./instrument_choice.ts";
import { judgedData, placeOf, recordBeside, splitReviews } from "./judged_reviews.ts";
import { jsonDocument } from "./output.ts";
import { Progress } from "./progress.ts";
import { type DataValues, loadReviews } from "./reviews.ts";

/** The body of `epsilon diagnose`. */
export async function diagnose(context: DiagnoseContext): Promise<number> {
  const { values, positionals, terminal } = context;
  const chosen = chosenInstruments(values.instruments ?? "all");
  await chooseDevice(values);
  const { checkpoint, path } = await loadCheckpoint(positionals[0], { fallbackConfig: PAPER_CONFIG });
  warnOfBareWeights(checkpoint, path, terminal);
  const record = await recordBeside(path, checkpoint);
  const folder = folderOf(values.out, record, path);
  const progress = new Progress(values.progress);
  const engine = await openEngine(checkpoint.config, values);
  try {
    warnOfPrecision(engine, values, terminal);
    const data = await judgedData(context, record);
    const subject = { context, checkpoint, path, data, engine, progress };
    const dataset = await loadData(subject, values.split === "test" ? "test" : "train");
    const { instruments, entries } = await prepareInstruments(chosen, checkpoint.config, data.vocabulary, terminal);
    const indices = limited(splitReviews(values.split, dataset, checkpoint, path), values);
    await engine.upload({ weights: checkpoint.state.weights });
    const outputs = await judge(subject, dataset, indices);
    const fittedOn = instruments.has("calibration") ? await fittingOutputs(subject, dataset, outputs) : undefined;
    const { config, state: { weights } } = checkpoint;
    const options = { instruments, engine, weights, config, dataset, indices, outputs, fittedOn, entries };
    progress.begin();
    const rows = await runToEnd(
      readInstruments({ ...options, effort: THOROUGH, seed: values.seed }),
      ({ instrument, done, total }) => progress.update({ label: instrument, done, total }),
    );
    const { run, ...place } = { ...placeOf(checkpoint, path), split: values.split };
    const name = run ?? basename(path).replace(/\.safetensors$/, "").replaceAll(/[^A-Za-z0-9._-]/g, "_");
    const files = await lockedIfRun(
      folder,
      async () => {
        const tables = [...instruments].flatMap(tablesOf);
        const files = await replaceInstrumentRows(folder, name, place, tables, rows);
        await noteDiagnosis(folder, run, { step: place.step, split: place.split, tables });
        return files;
      },
    );
    progress.clear();
    await terminal.write(
      report(values.json, { checkpoint: path, split: values.split, reviews: indices.length, files }, rows),
    );
    return 0;
  } finally {
    progress.clear();
    await engine.close();
  }
}

/** What is looked into, and with what. */
interface Subject {
  readonly context: DiagnoseContext;
  readonly checkpoint: Checkpoint;
  readonly path: string;
  readonly data: DataValues;
  readonly engine: Engine;
  readonly progress: Progress;
}

function chosenInstruments(list: string): ReadonlySet<InstrumentName> {
  const chosen = namedInstruments(list);
  if (chosen.size > 0) return chosen;
  throw new UsageError("Cannot diagnose: no instrument was named", "Leave --instruments out to read all of them.");
}

function folderOf(out: string | undefined, record: RunRecord | undefined, path: string): string {
  if (out !== undefined) return out;
  if (record !== undefined) return dirname(path);
  throw new UsageError(
    `Cannot write the tables: ${printable(path)} lies in no run folder`,
    "Name a folder for them with --out.",
  );
}

async function loadData({ context, checkpoint, path, data, progress }: Subject, split: "train" | "test") {
  const { values: { threads }, terminal } = context;
  const dataset = await loadReviews({ data, threads, split, progress, terminal });
  requireVocabulary(checkpoint, dataset.vocabularyHash, path);
  return dataset;
}

/** At most `limitReviews` of the reviews, chosen by the seed, in their order. */
function limited(indices: Uint32Array, { limitReviews, seed }: DiagnoseContext["values"]): Uint32Array {
  if (limitReviews === 0 || limitReviews >= indices.length) return indices;
  return sampleOrder(indices.length, seed).subarray(0, limitReviews).toSorted().map((place) => indices[place]);
}

/** What the model says of the reviews `indices`. */
async function judge(
  { context, checkpoint: { config: modelConfig }, engine, progress }: Subject,
  dataset: TokenizedDataset,
  indices: Uint32Array,
): Promise<Outputs> {
  const { batchSize } = context.values;
  const evaluation = evaluateDataset({ engine, dataset, indices, modelConfig, batchSize });
  progress.begin();
  const { outputs } = await runToEnd(evaluation, ({ batch, batches }) => {
    progress.update({ label: "evaluating", done: batch, total: batches });
  });
  progress.clear();
  return outputs;
}

/** What the temperature is fitted on: the validation reviews; undefined, with the reason told, when they are not there. */
async function fittingOutputs(
  subject: Subject,
  dataset: TokenizedDataset,
  outputs: Outputs,
): Promise<Outputs | undefined> {
  const { context: { values, terminal }, checkpoint, path } = subject;
  if (values.split === "validation") return outputs;
  try {
    const training = values.split === "test" ? await loadData(subject, "train") : dataset;
    return await judge(subject, training, limited(splitReviews("validation", training, checkpoint, path), values));
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    terminal.warn(`No temperature is fitted, since there are no validation reviews: ${error.message}.`);
    return undefined;
  }
}

/**
 * Notes in `run.json` of the run `run`, if `folder` is its, which rows are no longer those that training wrote; once, so
 * that the same diagnosis again changes nothing.
 */
async function noteDiagnosis(
  folder: string,
  run: string | null,
  diagnosis: Omit<Diagnosed, "at">,
): Promise<void> {
  if (!await isRunFolder(folder)) return;
  const record = await readRunJson(folder);
  if (record.run !== run) return;
  const { diagnosed = [] } = record;
  const { step, split, tables } = diagnosis;
  const noted = diagnosed.some((one) =>
    one.step === step && one.split === split && tables.every((table) => one.tables.includes(table))
  );
  if (noted) return;
  await writeRunJson(folder, { ...record, diagnosed: [...diagnosed, { at: new Date().toISOString(), ...diagnosis }] });
}

async function isRunFolder(folder: string): Promise<boolean> {
  return await isThere(join(folder, RUN_JSON));
}

/** Makes `folder` where it is missing and writes into it; if it is a run's, nobody else may write to it meanwhile. */
async function lockedIfRun<Result>(folder: string, write: () => Promise<Result>): Promise<Result> {
  await makeFolder(folder);
  const lock = await isRunFolder(folder) ? await RunLock.acquire(folder) : undefined;
  try {
    return await write();
  } finally {
    await lock?.release();
  }
}

function report(
  json: boolean,
  about: { readonly checkpoint: string; readonly split: string; readonly reviews: number; readonly files: string[] },
  rows: readonly InstrumentRow[],
): string {
  const figures = summarizeRows(rows);
  if (json) return jsonDocument({ ...about, summary: Object.fromEntries(figures) });
  return formatTable([
    ["checkpoint", about.checkpoint],
    ["reviews", `${about.reviews} (${about.split})`],
    ...figures.map(([name, value]: Figure) => [name.replaceAll("_", " "), shown(value)] as const),
    ...about.files.map((file) => ["table", file] as const),
  ]);
}

function shown(value: number | null): string {
  if (value === null) return "-";
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
