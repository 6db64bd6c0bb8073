import { join } from "node:path";
import { DataError } from "../errors.ts";
import { FollowedTable } from "./followed_table.ts";
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

const NOTHING: Curve = { steps: [], epochs: [] };

/** A run folder that another process fills, read again and again; one that is not there yet is waited for. */
export class FollowedRun {
  readonly path: string;
  #tables: FollowedTable[];
  #curves = new Map<string, { steps: CurvePoint[]; epochs: CurvePoint[] }>();
  #record: RunRecord | undefined;
  #step = 0;
  #epoch = 0;

  constructor(path: string) {
    this.path = path;
    this.#tables = this.#open();
  }

  /** What `run.json` says; undefined while there is no run. */
  get record(): RunRecord | undefined {
    return this.#record;
  }

  /** Optimizer steps and whole epochs of which rows are there. */
  get position(): { readonly step: number; readonly epoch: number } {
    return { step: this.#step, epoch: this.#epoch };
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
    const looks = [];
    for (const table of this.#tables) looks.push(await table.look());
    if (looks.some(({ anew }) => anew)) {
      // A resumed run cuts both tables back to its checkpoint; both are read from the start.
      this.#forget();
      for (const table of this.#tables) this.#take((await table.look()).rows);
      return true;
    }
    for (const { rows } of looks) this.#take(rows);
    return looks.some(({ rows }) => rows.length > 0);
  }

  #open(): FollowedTable[] {
    return [TABLE_NAMES.metrics, TABLE_NAMES.timing].map((name) => new FollowedTable(join(this.path, name)));
  }

  #forget(): void {
    this.#tables = this.#open();
    this.#curves = new Map();
    this.#step = 0;
    this.#epoch = 0;
  }

  #take(rows: readonly MetricRow[]): void {
    for (const { step, epoch, split, metric, value } of rows) {
      const key = `${split} ${metric}`;
      const curve = this.#curves.get(key) ?? { steps: [], epochs: [] };
      this.#curves.set(key, curve);
      (epoch === null ? curve.steps : curve.epochs).push({ step, value });
      this.#step = Math.max(this.#step, step);
      this.#epoch = Math.max(this.#epoch, epoch ?? 0);
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
