import { join } from "node:path";
import type { InstrumentEvent } from "../diagnose/instruments/training_instruments.ts";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { fileError } from "../files/file_error.ts";
import { makeFolder } from "../files/make_folder.ts";
import { printable } from "../files/printable.ts";
import { encodeCheckpoint } from "../model/checkpoint.ts";
import { CHECKPOINT_NAMES } from "../model/checkpoint_file.ts";
import type { ModelState } from "../model/state.ts";
import type { MetricValue, TrainPosition } from "../train/events.ts";
import type { KeptSlabs } from "../train/retention.ts";
import { AppendedCsv } from "./appended_csv.ts";
import { InstrumentFiles } from "./instrument_files.ts";
import { formatMetricRow, METRICS_HEADER } from "./metrics_csv.ts";
import { LOCK_NAME, RunLock } from "./run_lock.ts";
import { requireRunName, RUN_JSON, type RunOutcome, type RunRecord, writeRunJson } from "./run_json.ts";
import { METRIC_NAMES, TIMING_NAMES } from "./schema.ts";

/** Names of a run's tables. */
export const TABLE_NAMES = { metrics: "metrics.csv", timing: "timing.csv" } as const;

/** Checkpoint details (text) that say how many rows each table had when `last.safetensors` was saved. */
export const ROW_COUNT_KEYS = { metrics: "metrics_rows", timing: "timing_rows" } as const;

/** Temporary files of atomic writes that were killed. */
const LEFT_BEHIND = /^\.(?:run\.json|best\.safetensors|last\.safetensors|[a-z]+\.csv)\.[0-9]+-[0-9a-f]{8}\.tmp$/;

/** What a run is, known before its first step. */
export type RunStart = Omit<
  RunRecord,
  "format" | "version" | "seed" | "started" | "resumed" | "diagnosed" | "ended" | "outcome"
>;

/** The open tables of a run. */
export interface RunTables {
  readonly metrics: AppendedCsv;
  readonly timing: AppendedCsv;
}

/** What a checkpoint event carries. */
export interface SavedState {
  readonly position: TrainPosition;
  readonly state: Required<ModelState>;
  /** Slabs that a training aid keeps beside the weights. */
  readonly kept?: KeptSlabs;
  /** Whether it is the best so far, and so is kept as `best.safetensors` too. */
  readonly best: boolean;
}

/**
 * A run folder that is being written (interface, "Run folder"): `run.json`, `metrics.csv`, `timing.csv`, instruments'
 * tables and checkpoints.
 *
 * A kill at any moment leaves a folder from which the run resumes exactly: rows are flushed before a checkpoint is
 * written, `last.safetensors` tells how many rows there were, and resuming cuts the tables back to it. The best
 * checkpoint is written before the last: after a kill between the two, resuming trains that epoch again and writes the
 * same best. All methods throw DataError with the remedy when the disk is full, read-only or gone.
 */
export class RunFolder implements AsyncDisposable {
  readonly path: string;
  readonly #lock: RunLock;
  readonly #tables: RunTables;
  readonly #instruments: InstrumentFiles;
  #record: RunRecord;
  #closed = false;

  constructor(path: string, lock: RunLock, tables: RunTables, record: RunRecord) {
    this.path = path;
    this.#lock = lock;
    this.#tables = tables;
    this.#instruments = new InstrumentFiles(path, record.run);
    this.#record = record;
  }

  /**
   * Makes the folder, and the tables in it, so that a disk that refuses is known before training starts.
   * Throws DataError when the folder holds a run, or files that are none of epsilon's; it is left as it was.
   * Throws UsageError for a name that no run can have.
   */
  static async create(path: string, start: RunStart): Promise<RunFolder> {
    requireRunName(start.run);
    await makeFolder(path, "Cannot make the run folder");
    await requireVacant(path);
    const lock = await RunLock.acquire(path);
    try {
      // Again, since another process may have come between the first look and the lock.
      await requireVacant(path);
      await removeLeftBehind(path);
    } catch (error) {
      await lock.release();
      throw error;
    }
    try {
      const record: RunRecord = {
        format: "epsilon-run",
        version: 1,
        ...start,
        seed: start.recipe.seed,
        started: new Date().toISOString(),
        resumed: [],
        ended: null,
        outcome: "running",
      };
      await writeRunJson(path, record);
      const tables = await createTables(path);
      return new RunFolder(path, lock, tables, record);
    } catch (error) {
      await Deno.remove(join(path, RUN_JSON)).catch(() => {});
      await lock.release();
      throw error;
    }
  }

  /** What `run.json` holds now. */
  get record(): RunRecord {
    return this.#record;
  }

  /** Appends rows to both tables. Throws RangeError for a metric that does not belong into its table. */
  async append(metrics: readonly MetricValue[], timing: readonly MetricValue[]): Promise<void> {
    await this.#tables.metrics.append(this.#rows(metrics, METRIC_NAMES));
    await this.#tables.timing.append(this.#rows(timing, TIMING_NAMES));
  }

  /** Appends what the instruments showed to their tables. */
  async appendInstruments({ place, rows }: InstrumentEvent): Promise<void> {
    await this.#instruments.append(place, rows);
  }

  /** Flushes the tables, then writes `best.safetensors` (weights alone) if it is the best, then `last.safetensors`. */
  async saveCheckpoint({ position, state, kept, best }: SavedState): Promise<void> {
    const { metrics, timing } = this.#tables;
    await metrics.sync();
    await timing.sync();
    await this.#instruments.sync();
    const { run, model, recipe, dataSha256, vocabularySha256, codeVersion } = this.#record;
    const checkpoint = { config: model, vocabularyHash: vocabularySha256, position };
    const details = {
      run,
      seed: String(recipe.seed),
      validation_share: String(recipe.validationShare),
      data_sha256: dataSha256,
      code_version: codeVersion,
    };
    if (best) {
      const bytes = await encodeCheckpoint({ ...checkpoint, state: { weights: state.weights }, details });
      await writeFileAtomically(join(this.path, CHECKPOINT_NAMES.best), bytes);
    }
    const rows = { [ROW_COUNT_KEYS.metrics]: String(metrics.rows), [ROW_COUNT_KEYS.timing]: String(timing.rows) };
    const bytes = await encodeCheckpoint({
      ...checkpoint,
      state,
      ...kept && { kept },
      details: { ...details, ...rows },
    });
    await writeFileAtomically(join(this.path, CHECKPOINT_NAMES.last), bytes);
  }

  /** Notes in `run.json` how and when the run ended, all rows flushed. */
  async finish(outcome: RunOutcome): Promise<void> {
    await this.#tables.metrics.sync();
    await this.#tables.timing.sync();
    await this.#instruments.sync();
    this.#record = { ...this.#record, ended: new Date().toISOString(), outcome };
    await writeRunJson(this.path, this.#record);
  }

  /** Closes the tables and lets other writers in; nothing can be written afterwards. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tables.metrics.close();
    this.#tables.timing.close();
    this.#instruments.close();
    await this.#lock.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #rows(values: readonly MetricValue[], names: readonly string[]): string[] {
    return values.map((value) => {
      if (!names.includes(value.metric)) throw new RangeError(`metric ${value.metric}, wanted ${names.join(", ")}`);
      return formatMetricRow({ run: this.#record.run, ...value });
    });
  }
}

/** Makes both tables of the folder `path`, or neither. */
export async function createTables(path: string): Promise<RunTables> {
  const metrics = await AppendedCsv.create(join(path, TABLE_NAMES.metrics), METRICS_HEADER);
  try {
    return { metrics, timing: await AppendedCsv.create(join(path, TABLE_NAMES.timing), METRICS_HEADER) };
  } catch (error) {
    metrics.close();
    await Deno.remove(join(path, TABLE_NAMES.metrics)).catch(() => {});
    throw error;
  }
}

/** Removes what atomic writes that were killed have left in the run folder `path`. */
export async function removeLeftBehind(path: string): Promise<void> {
  for await (const { name } of Deno.readDir(path)) {
    if (LEFT_BEHIND.test(name)) await Deno.remove(join(path, name)).catch(() => {});
  }
}

async function requireVacant(path: string): Promise<void> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(path)) names.push(entry.name);
  } catch (error) {
    throw fileError("Cannot read the run folder", path, error);
  }
  if (names.includes(RUN_JSON)) {
    throw new DataError(
      `Cannot start a run in ${printable(path)}: it holds a run already`,
      `Continue it with --resume ${printable(path)}, or choose another --out.`,
    );
  }
  const foreign = names.filter((name) => name !== LOCK_NAME && !LEFT_BEHIND.test(name)).toSorted();
  if (foreign.length > 0) {
    throw new DataError(
      `Cannot start a run in ${printable(path)}: the folder is not empty, it holds ${printable(foreign[0])}`,
      "Choose another --out, or empty the folder.",
    );
  }
}
