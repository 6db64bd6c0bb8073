import { join } from "node:path";
import { DataError } from "../errors.ts";
import { fileInfo, isThere } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";
import { type Checkpoint, requireVocabulary } from "../model/checkpoint.ts";
import { CHECKPOINT_NAMES, loadCheckpoint } from "../model/checkpoint_file.ts";
import type { ModelState } from "../model/state.ts";
import { hasResonance, hasSuppression } from "../train/aids.ts";
import type { KeptSlabs } from "../train/retention.ts";
import type { TrainPosition } from "../train/events.ts";
import { AppendedCsv } from "./appended_csv.ts";
import { cutInstrumentTables } from "./instrument_csv.ts";
import { METRICS_HEADER } from "./metrics_csv.ts";
import {
  createTables,
  removeLeftBehind,
  ROW_COUNT_KEYS,
  RunFolder,
  type RunTables,
  TABLE_NAMES,
} from "./run_folder.ts";
import { readRunJson, type Resumption, RUN_JSON, type RunRecord, writeRunJson } from "./run_json.ts";
import { RunLock } from "./run_lock.ts";
import { readTrainPosition } from "./train_position.ts";

/** Where a run goes on. */
export interface ResumePoint {
  readonly position: TrainPosition;
  readonly state: Required<ModelState>;
  /** Slabs that a training aid keeps beside the weights. */
  readonly kept?: KeptSlabs;
}

/** What may differ when a run goes on. */
export type ResumeCircumstances = Omit<Resumption, "at" | "step">;

interface RowCounts {
  readonly metrics: number;
  readonly timing: number;
}

/**
 * A run that is not being written, locked and checked so that it can go on. Opening changes none of its files, so that
 * the caller can still refuse; close it, or call `resume`.
 */
export class PausedRun implements AsyncDisposable {
  readonly path: string;
  readonly record: RunRecord;
  /** Undefined when the run was killed before its first checkpoint: then it starts anew. */
  readonly resumePoint: ResumePoint | undefined;
  readonly #rows: RowCounts | undefined;
  #lock: RunLock | undefined;

  private constructor(path: string, record: RunRecord, lock: RunLock, saved: (ResumePoint & RowCounts) | undefined) {
    this.path = path;
    this.record = record;
    this.resumePoint = saved;
    this.#rows = saved;
    this.#lock = lock;
  }

  /**
   * Opens the run folder `path`. Throws DataError when it is none, another process writes to it, or its files do not
   * fit each other: `run.json`, `last.safetensors` and the rows that both tables had when that was saved.
   */
  static async open(path: string): Promise<PausedRun> {
    // Before the lock, which would put its file into a folder that is no run.
    await readRunJson(path);
    const lock = await RunLock.acquire(path);
    try {
      const record = await readRunJson(path);
      const saved = await readSaved(path, record);
      return new PausedRun(path, record, lock, saved);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Cuts the tables back to the resume point, notes the resumption in `run.json`, and hands the folder over. */
  async resume(circumstances: ResumeCircumstances): Promise<RunFolder> {
    const lock = this.#lock;
    if (lock === undefined) throw new RangeError("the run is resumed or closed already");
    const tables = this.#rows === undefined ? await startTables(this.path) : await cutTables(this.path, this.#rows);
    const step = this.resumePoint?.position.step ?? 0;
    const resumed = [...this.record.resumed, { at: new Date().toISOString(), step, ...circumstances }];
    const record: RunRecord = { ...this.record, resumed, ended: null, outcome: "running" };
    try {
      await removeLeftBehind(this.path);
      await cutInstrumentTables(this.path, this.resumePoint?.position ?? { step: 0, epoch: 0 });
      await writeRunJson(this.path, record);
    } catch (error) {
      tables.metrics.close();
      tables.timing.close();
      throw error;
    }
    this.#lock = undefined;
    return new RunFolder(this.path, lock, tables, record);
  }

  /** Lets other writers in; does nothing after `resume`, whose folder holds the lock. */
  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function readSaved(path: string, record: RunRecord): Promise<(ResumePoint & RowCounts) | undefined> {
  if (!await isThere(join(path, CHECKPOINT_NAMES.last))) {
    await requireUnstarted(path);
    return undefined;
  }
  const { checkpoint, path: file } = await loadCheckpoint(path, { prefer: "last" });
  requireVocabulary(checkpoint, record.vocabularySha256, file);
  requireSameRun(checkpoint, record, file);
  const { weights, optimizer } = checkpoint.state;
  if (optimizer === undefined) throw unfit(file, "it holds no optimizer state");
  const rows = {
    metrics: rowCount(checkpoint, ROW_COUNT_KEYS.metrics, file),
    timing: rowCount(checkpoint, ROW_COUNT_KEYS.timing, file),
  };
  await AppendedCsv.requireRows(join(path, TABLE_NAMES.metrics), METRICS_HEADER, rows.metrics);
  await AppendedCsv.requireRows(join(path, TABLE_NAMES.timing), METRICS_HEADER, rows.timing);
  const position = readTrainPosition(checkpoint.position, file);
  requireSameAids(position, checkpoint, record, file);
  const { kept } = checkpoint;
  return { position, state: { weights, optimizer }, ...kept && { kept }, ...rows };
}

/** Starting anew must not cost anybody a table: without a last checkpoint there can be no rows and no best one. */
async function requireUnstarted(path: string): Promise<void> {
  const metrics = await fileInfo(join(path, TABLE_NAMES.metrics));
  const started = (metrics?.size ?? 0) > METRICS_HEADER.length || await isThere(join(path, CHECKPOINT_NAMES.best));
  if (!started) return;
  throw new DataError(
    `Cannot resume ${printable(path)}: ${CHECKPOINT_NAMES.last} is missing`,
    "Restore it from a copy, or start a new run with another --out.",
  );
}

function requireSameRun({ config, details }: Checkpoint, { model, run }: RunRecord, file: string): void {
  const differing = Object.entries(model).find(([key, value]) => config[key as keyof typeof config] !== value);
  if (differing !== undefined) throw unfit(file, `its ${differing[0]} is another one than in ${RUN_JSON}`);
  if (details.run !== run) throw unfit(file, `it belongs to run "${printable(details.run ?? "")}", not "${run}"`);
}

/** Behind its first step a run's aids have something to remember, and no others do. */
function requireSameAids(
  { step, aids }: TrainPosition,
  { kept = {} }: Checkpoint,
  { recipe }: RunRecord,
  file: string,
): void {
  if (step === 0 && aids === undefined) return;
  const anchored = recipe.retainAt !== undefined && step > recipe.retainAt;
  const fits = (aids?.resonance !== undefined) === hasResonance(recipe) &&
    (aids?.suppression !== undefined) === hasSuppression(recipe) &&
    (!anchored || "anchor" in kept && "fisher" in kept);
  if (!fits) throw unfit(file, `its training aids are other ones than in ${RUN_JSON}`);
}

function rowCount({ details }: Checkpoint, key: string, file: string): number {
  const text = details[key] ?? "";
  const rows = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(rows)) {
    throw unfit(file, `its ${key} is "${printable(text)}", wanted a whole number`);
  }
  return rows;
}

function unfit(file: string, details: string): DataError {
  return new DataError(
    `Cannot resume from ${printable(file)}: ${details}`,
    "Put the run's own last checkpoint back, or start a new run with another --out.",
  );
}

async function startTables(path: string): Promise<RunTables> {
  for (const name of Object.values(TABLE_NAMES)) {
    // Headers at most, as `open` has made sure.
    await Deno.remove(join(path, name)).catch(() => {});
  }
  return await createTables(path);
}

async function cutTables(path: string, rows: RowCounts): Promise<RunTables> {
  const metrics = await AppendedCsv.reopen(join(path, TABLE_NAMES.metrics), METRICS_HEADER, rows.metrics);
  try {
    return { metrics, timing: await AppendedCsv.reopen(join(path, TABLE_NAMES.timing), METRICS_HEADER, rows.timing) };
  } catch (error) {
    metrics.close();
    throw error;
  }
}
