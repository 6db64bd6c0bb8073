import { join } from "node:path";
import { DataError } from "../errors.ts";
import { type FollowedRows, FollowedTable } from "./followed_table.ts";
import { TABLE_NAMES } from "./run_folder.ts";
import { readRunJson, type RunRecord } from "./run_json.ts";
import type { MetricRow } from "./schema.ts";

/** Where a metric stood at a step. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number | null;
}

/** A metric on one split, as far as it is known. */
export interface Curve {
  /** Step rows. */
  readonly steps: readonly CurvePoint[];
  /** Epoch rows, the first epoch first. */
  readonly epochs: readonly CurvePoint[];
}

type TableName = keyof typeof TABLE_NAMES;

const NOTHING: Curve = { steps: [], epochs: [] };

/** A run folder that another process fills, read again and again; one that is not there yet is waited for. */
export class FollowedRun {
  readonly path: string;
  #tables: Readonly<Record<TableName, FollowedTable>>;
  #curves = new Map<string, { steps: CurvePoint[]; epochs: CurvePoint[] }>();
  #record: RunRecord | undefined;
  #step = 0;
  #epochs: Record<TableName, number> = { metrics: 0, timing: 0 };

  constructor(path: string) {
    this.path = path;
    this.#tables = this.#open();
  }

  /** What `run.json` says; undefined while there is no run. */
  get record(): RunRecord | undefined {
    return this.#record;
  }

  /** Optimizer steps of which rows are there, and epochs of which all are: those of `timing.csv` are written last. */
  get position(): { readonly step: number; readonly epoch: number } {
    const { metrics, timing } = this.#epochs;
    return { step: this.#step, epoch: this.#tables.timing.present ? Math.min(metrics, timing) : metrics };
  }

  curve(split: MetricRow["split"], metric: string): Curve {
    return this.#curves.get(`${split} ${metric}`) ?? NOTHING;
  }

  /** Takes up what was written since; returns whether anything was. Throws DataError for files that are broken. */
  async look(): Promise<boolean> {
    const record = await recordAt(this.path);
    const other = record?.started !== this.#record?.started;
    const changed = other || record?.outcome !== this.#record?.outcome || record?.ended !== this.#record?.ended;
    if (other) this.#forget();
    this.#record = record;
    if (record === undefined) return changed;
    const found = await this.#lookAtTables();
    return changed || found;
  }

  async #lookAtTables(): Promise<boolean> {
    const found = await this.#lookAtEach();
    if (found.some(({ anew }) => anew)) {
      // A resumed run cuts both tables back to its checkpoint; both are read from the start.
      this.#forget();
      for (const { name, rows } of await this.#lookAtEach()) this.#take(name, rows);
      return true;
    }
    for (const { name, rows } of found) this.#take(name, rows);
    return found.some(({ rows }) => rows.length > 0);
  }

  /** The table that is written last is looked at first: what it tells of, the other one holds by then. */
  async #lookAtEach(): Promise<(FollowedRows & { name: TableName })[]> {
    const timing = { name: "timing" as const, ...await this.#tables.timing.look() };
    return [timing, { name: "metrics", ...await this.#tables.metrics.look() }];
  }

  #open(): Readonly<Record<TableName, FollowedTable>> {
    const table = (name: TableName) => new FollowedTable(join(this.path, TABLE_NAMES[name]));
    return { metrics: table("metrics"), timing: table("timing") };
  }

  #forget(): void {
    this.#tables = this.#open();
    this.#curves = new Map();
    this.#step = 0;
    this.#epochs = { metrics: 0, timing: 0 };
  }

  #take(table: TableName, rows: readonly MetricRow[]): void {
    for (const { step, epoch, split, metric, value } of rows) {
      const key = `${split} ${metric}`;
      const curve = this.#curves.get(key) ?? { steps: [], epochs: [] };
      this.#curves.set(key, curve);
      (epoch === null ? curve.steps : curve.epochs).push({ step, value });
      this.#step = Math.max(this.#step, step);
      this.#epochs[table] = Math.max(this.#epochs[table], epoch ?? 0);
    }
  }
}

async function recordAt(path: string): Promise<RunRecord | undefined> {
  try {
    return await readRunJson(path);
  } catch (error) {
    if (error instanceof DataError && error.cause instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
