import { join } from "node:path";
import { type InstrumentTable, tableFile } from "../diagnose/instruments/table.ts";
import type { InstrumentEvent } from "../diagnose/instruments/training_instruments.ts";
import { isThere } from "../files/is_there.ts";
import { CHECKPOINT_NAMES, loadCheckpoint } from "../model/checkpoint_file.ts";
import type { ModelConfig } from "../model/config.ts";
import { norm, tensorError } from "../model/golden.ts";
import type { ModelState } from "../model/state.ts";
import { type TensorSpec, tensorTable } from "../model/tensors.ts";
import type { MetricValue, TrainEvent } from "../train/events.ts";
import { finishedLines } from "./finished_lines.ts";
import { formatInstrumentRows, readInstrumentRows } from "./instrument_csv.ts";
import { formatMetricRow, METRICS_HEADER } from "./metrics_csv.ts";
import type { RunEvent } from "./record_run.ts";
import { TABLE_NAMES } from "./run_folder.ts";
import type { RunRecord } from "./run_json.ts";
import { fieldFault } from "./table_csv.ts";
import { readTrainPosition } from "./train_position.ts";

const HINT = "The file was changed after epsilon wrote it; restore it from a copy.";

/** Values of the schedules alone: the same on every device. */
const SCHEDULED: ReadonlySet<string> = new Set(["learning_rate", "kl_scale"]);

/** The first place where a run and its repetition part. */
export interface Difference {
  readonly file: string;
  /** `line 12 (step 40, validation accuracy)`, or a tensor and its element. */
  readonly place: string;
  readonly recorded: string;
  readonly repeated: string;
}

/** What is asked of a repetition. */
export interface RepetitionRules {
  /** Steps whose rows and weights must be the same to the byte; beyond it they may lie within `tolerance`. */
  readonly exactUntil: number;
  /** Largest error of a value, relative where it is above 1; of a tensor, in the measure of spec §6. */
  readonly tolerance: number;
  /** Tables of instruments to compare. */
  readonly tables: ReadonlySet<InstrumentTable>;
}

/** What was compared so far. */
export interface Compared {
  /** Rows by file. */
  readonly rows: ReadonlyMap<string, number>;
  /** Checkpoints, and the step after which each was saved. */
  readonly checkpoints: ReadonlyMap<string, number>;
  /** Largest error within the tolerance by metric, and of the tensors of a checkpoint by its file. */
  readonly errors: ReadonlyMap<string, number>;
}

/** Slabs by name, which training aids keep beside the weights. */
type Slabs = Readonly<Record<string, Float32Array | Float64Array>>;

interface SavedCheckpoint {
  readonly name: keyof typeof CHECKPOINT_NAMES;
  readonly file: string;
  readonly step: number;
  readonly state: ModelState;
  readonly kept: Slabs;
}

/**
 * Compares what a repeated training tells with what stands in the run folder: rows of `metrics.csv` in their order, the
 * rows of each epoch in the instruments' tables, the tensors of both checkpoints when their step comes. In bounded memory
 * but for the checkpoints and the instruments' tables.
 */
export class Repetition {
  readonly #record: RunRecord;
  readonly #rules: RepetitionRules;
  readonly #recorded: AsyncGenerator<string, undefined>;
  readonly #checkpoints: readonly SavedCheckpoint[];
  readonly #tables: ReadonlyMap<InstrumentTable, readonly string[]>;
  readonly #rows = new Map<string, number>();
  readonly #compared = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  /** Line of `metrics.csv` that was read last; the header is line 1. */
  #line = 1;

  private constructor(
    folder: string,
    record: RunRecord,
    rules: RepetitionRules,
    checkpoints: readonly SavedCheckpoint[],
    tables: ReadonlyMap<InstrumentTable, readonly string[]>,
  ) {
    this.#record = record;
    this.#rules = rules;
    this.#recorded = recordedRows(join(folder, TABLE_NAMES.metrics));
    this.#checkpoints = checkpoints;
    this.#tables = tables;
  }

  /** Reads checkpoints and instruments' tables of the run folder. Throws DataError when one is broken or unreadable. */
  static async open(folder: string, record: RunRecord, rules: RepetitionRules): Promise<Repetition> {
    const checkpoints: SavedCheckpoint[] = [];
    for (const name of ["best", "last"] as const) {
      const file = CHECKPOINT_NAMES[name];
      if (!await isThere(join(folder, file))) continue;
      const { checkpoint, path } = await loadCheckpoint(folder, { prefer: name });
      const { step } = readTrainPosition(checkpoint.position, path);
      checkpoints.push({ name, file, step, state: checkpoint.state, kept: checkpoint.kept ?? {} });
    }
    const tables = new Map<InstrumentTable, readonly string[]>();
    for (const table of rules.tables) tables.set(table, await readInstrumentRows(folder, table) ?? []);
    return new Repetition(folder, record, rules, checkpoints, tables);
  }

  /** The step up to which the run's files tell of it: that of the last checkpoint, or the last row's beyond it. */
  static async lastStep(folder: string): Promise<number> {
    let step = 0;
    for await (const row of recordedRows(join(folder, TABLE_NAMES.metrics))) step = Number(row.split(",", 2)[1]);
    const last = join(folder, CHECKPOINT_NAMES.last);
    if (!await isThere(last)) return step;
    const { checkpoint, path } = await loadCheckpoint(folder, { prefer: "last" });
    return Math.max(step, readTrainPosition(checkpoint.position, path).step);
  }

  get compared(): Compared {
    return { rows: this.#rows, checkpoints: this.#compared, errors: this.#errors };
  }

  /** Compares what `event` says; the first difference, or undefined. */
  async compare(event: RunEvent): Promise<Difference | undefined> {
    switch (event.kind) {
      case "step":
      case "epoch":
      case "provocation":
        return await this.#compareMetrics(event.metrics);
      case "instruments":
        return this.#compareInstruments(event);
      case "checkpoint":
        return this.#compareCheckpoint(event);
      case "end":
        return event.outcome === "interrupted" ? undefined : await this.#requireNoMoreRows();
    }
  }

  async #compareMetrics(values: readonly MetricValue[]): Promise<Difference | undefined> {
    for (const value of values) {
      const repeated = formatMetricRow({ run: this.#record.run, ...value });
      const recorded = (await this.#recorded.next()).value;
      this.#line++;
      // What a run that was stopped did not come to write is no difference.
      if (recorded === undefined && !this.#isWhole()) return undefined;
      if (recorded !== repeated && !this.#isClose(value, recorded)) {
        return {
          file: TABLE_NAMES.metrics,
          place: `line ${this.#line} (${placeOf(value)} ${value.split} ${value.metric})`,
          recorded: recorded?.trimEnd() ?? "nothing",
          repeated: repeated.trimEnd(),
        };
      }
      count(this.#rows, TABLE_NAMES.metrics);
    }
  }

  #isWhole(): boolean {
    return this.#record.outcome === "finished" || this.#record.outcome === "stopped-early";
  }

  #isClose(repeated: MetricValue, recorded: string | undefined): boolean {
    if (recorded === undefined || this.#isExact(repeated.step, repeated.epoch !== null)) return false;
    if (SCHEDULED.has(repeated.metric)) return false;
    const text = recorded.trimEnd();
    const comma = text.lastIndexOf(",") + 1;
    const prefix = formatMetricRow({ run: this.#record.run, ...repeated, value: null }).trimEnd();
    if (text.slice(0, comma) !== prefix || text.length === comma) return false;
    const value = Number(text.slice(comma));
    const error = Math.abs(repeated.value - value) / Math.max(1, Math.abs(value));
    return this.#accept(`${repeated.split} ${repeated.metric}`, error);
  }

  /** An epoch's rows may have been made behind the resumption at their own step. */
  #isExact(step: number, endsEpoch: boolean): boolean {
    return endsEpoch ? step < this.#rules.exactUntil : step <= this.#rules.exactUntil;
  }

  #accept(name: string, error: number): boolean {
    if (!(error <= this.#rules.tolerance)) return false;
    this.#errors.set(name, Math.max(this.#errors.get(name) ?? 0, error));
    return true;
  }

  #compareInstruments({ place, rows }: InstrumentEvent): Difference | undefined {
    const step = place.step ?? 0;
    if (!this.#isExact(step, true)) return undefined;
    const texts = formatInstrumentRows(this.#record.run, place, rows);
    for (const [table, recorded] of this.#tables) {
      if (this.#isRewritten(table, step)) continue;
      const start = `${this.#record.run},${place.step},${place.epoch},${place.split},`;
      const there = recorded.filter((row) => row.startsWith(start));
      const repeated = texts.get(table) ?? [];
      if (there.length === 0 && !this.#isWhole()) continue;
      for (let row = 0; row < Math.max(there.length, repeated.length); row++) {
        if (there[row] !== repeated[row]) {
          const shown = (text: string | undefined) => text?.trimEnd() ?? "nothing";
          return {
            file: tableFile(table),
            place: `row ${row + 1} of epoch ${place.epoch}`,
            recorded: shown(there[row]),
            repeated: shown(repeated[row]),
          };
        }
        count(this.#rows, tableFile(table));
      }
    }
  }

  /** `epsilon diagnose` looks at more reviews than training does, and its rows take the place of training's. */
  #isRewritten(table: InstrumentTable, step: number): boolean {
    const { diagnosed = [] } = this.#record;
    return diagnosed.some((one) => one.step === step && one.split === "validation" && one.tables.includes(table));
  }

  #compareCheckpoint(
    { best, position, state, kept = {} }: Extract<TrainEvent, { kind: "checkpoint" }>,
  ): Difference | undefined {
    for (const saved of this.#checkpoints) {
      if (saved.step !== position.step || (saved.name === "best" && !best)) continue;
      const difference = this.#compareStates(saved, { ...state, kept }, this.#isExact(position.step, false));
      if (difference !== undefined) return difference;
      this.#compared.set(saved.file, position.step);
    }
  }

  #compareStates(
    { file, state, kept }: SavedCheckpoint,
    repeated: Required<ModelState> & { readonly kept: Slabs },
    exact: boolean,
  ): Difference | undefined {
    for (const { kind, recorded, found, specs } of slabs(this.#record.model, { ...state, kept }, repeated)) {
      const kindNorm = norm(recorded);
      for (const { name, offset, size } of specs) {
        const a = recorded.subarray(offset, offset + size), b = found.subarray(offset, offset + size);
        const element = a.findIndex((value, e) => !Object.is(value, b[e]));
        if (element < 0) continue;
        if (!exact && this.#accept(file, tensorError(b, a, kindNorm))) continue;
        const place = `${kind}${name}, element ${element} of ${size}`;
        return { file, place, recorded: String(a[element]), repeated: String(b[element]) };
      }
    }
  }

  async #requireNoMoreRows(): Promise<Difference | undefined> {
    const recorded = (await this.#recorded.next()).value;
    if (recorded === undefined) return undefined;
    const place = `line ${this.#line + 1}`;
    return { file: TABLE_NAMES.metrics, place, recorded: recorded.trimEnd(), repeated: "nothing" };
  }
}

interface SlabPair {
  readonly kind: string;
  readonly recorded: Float32Array | Float64Array;
  readonly found: Float32Array | Float64Array;
  readonly specs: readonly TensorSpec[];
}

function slabs(
  config: ModelConfig,
  recorded: ModelState & { readonly kept: Slabs },
  found: Required<ModelState> & { readonly kept: Slabs },
): SlabPair[] {
  const { parameters, buffers } = tensorTable(config);
  const pairs: SlabPair[] = [
    { kind: "", recorded: recorded.weights.parameters, found: found.weights.parameters, specs: parameters },
    { kind: "", recorded: recorded.weights.buffers, found: found.weights.buffers, specs: buffers },
    ...Object.entries(recorded.kept).map(([name, slab]) => ({
      kind: `kept.${name}.`,
      recorded: slab,
      found: found.kept[name] ?? new Float32Array(slab.length),
      specs: parameters,
    })),
  ];
  if (recorded.optimizer === undefined) return pairs;
  const { optimizer } = found;
  return [
    ...pairs,
    ...(["firstMoment", "secondMoment"] as const).map((key) => ({
      kind: key === "firstMoment" ? "optimizer.first_moment." : "optimizer.second_moment.",
      recorded: recorded.optimizer?.[key] ?? optimizer[key],
      found: optimizer[key],
      specs: parameters,
    })),
  ];
}

/** The rows of a metrics file as they stand there, each with its `\n`; throws DataError when it cannot be read. */
async function* recordedRows(path: string): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let header = true;
  for await (const bytes of finishedLines(path, {})) {
    for (const line of decoder.decode(bytes, { stream: true }).split(/(?<=\n)/)) {
      if (!header) yield line;
      else if (line !== METRICS_HEADER) {
        throw fieldFault({ path, line: 1, hint: HINT }, "header", line.trimEnd(), METRICS_HEADER.trimEnd());
      }
      header = false;
    }
  }
  return undefined;
}

function placeOf({ step, epoch }: MetricValue): string {
  return epoch === null ? `step ${step}` : `step ${step}, epoch ${epoch},`;
}

function count(rows: Map<string, number>, file: string): void {
  rows.set(file, (rows.get(file) ?? 0) + 1);
}
