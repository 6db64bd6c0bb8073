import { join } from "node:path";
import { type Shift, SHIFTS } from "../data/shift.ts";
import { DataError, UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import {
  array,
  boolean,
  checkShape,
  finite,
  literal,
  minValue,
  nullable,
  number,
  optional,
  picklist,
  pipe,
  record,
  regex,
  safeInteger,
  strictObject,
  string,
  union,
  unknown,
} from "../libraries/schema.ts";
import { applicableConfig, type ModelConfig } from "../model/config.ts";
import { readModelConfig } from "../model/config_json.ts";
import { type TrainConfig, validateTrainConfig } from "../train/config.ts";

/** Name of the file in a run folder. */
export const RUN_JSON = "run.json";

const real = pipe(number(), finite());
const count = pipe(number(), safeInteger(), minValue(0));
const sha256 = pipe(string(), regex(/^[0-9a-f]{64}$/));
const time = pipe(string(), regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/));

/** A run's name stands in every row: no line breaks or commas, nothing that a spreadsheet would run. */
const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

const RUN = strictObject({
  format: literal("epsilon-run"),
  version: literal(1),
  run: pipe(string(), regex(RUN_NAME)),
  model: unknown(),
  recipe: record(string(), union([string(), real])),
  configuration: record(
    string(),
    strictObject({ value: nullable(union([string(), real, boolean()])), origin: string() }),
  ),
  seed: count,
  dataSha256: sha256,
  vocabularySha256: sha256,
  codeVersion: string(),
  device: string(),
  arithmetic: optional(string()),
  platform: optional(string()),
  parameterCount: count,
  provocation: optional(strictObject({
    shift: picklist(SHIFTS),
    shiftAt: pipe(number(), safeInteger(), minValue(1)),
    shiftLength: nullable(count),
    shiftDataSha256: nullable(sha256),
  })),
  started: time,
  resumed: array(strictObject({
    at: time,
    codeVersion: string(),
    device: string(),
    step: optional(count),
    arithmetic: optional(string()),
    platform: optional(string()),
    instruments: optional(string()),
  })),
  diagnosed: optional(
    array(strictObject({ at: time, step: nullable(count), split: string(), tables: array(string()) })),
  ),
  ended: nullable(time),
  outcome: picklist(["running", "finished", "stopped-early", "interrupted", "failed"]),
});

/** A shift of the distribution in mid-training. */
export interface ProvocationRecord {
  readonly shift: Shift;
  /** Optimizer steps before it. */
  readonly shiftAt: number;
  /** Tokens to which `short` cuts a review; null for the others. */
  readonly shiftLength: number | null;
  /** Of the reviews of `domain`; null for the others. */
  readonly shiftDataSha256: string | null;
}

/** What `epsilon diagnose` wrote about the weights after `step`. */
export interface Diagnosed {
  readonly at: string;
  readonly step: number | null;
  readonly split: string;
  readonly tables: readonly string[];
}

/** When and how a run went on. */
export interface Resumption {
  readonly at: string;
  readonly codeVersion: string;
  readonly device: string;
  /** Optimizer steps taken when it went on; this and what follows is absent in runs of older versions. */
  readonly step?: number | undefined;
  readonly arithmetic?: string | undefined;
  readonly platform?: string | undefined;
  /** The instruments that it went on reading, as `--instruments` names them. */
  readonly instruments?: string | undefined;
}

/** What `run.json` holds; times are UTC in ISO 8601. */
export interface RunRecord {
  readonly format: "epsilon-run";
  readonly version: 1;
  readonly run: string;
  readonly model: ModelConfig;
  readonly recipe: TrainConfig;
  /** Every option by its name in kebab case, and where its value came from; null where there is none. */
  readonly configuration: Readonly<
    Record<string, { readonly value: string | number | boolean | null; readonly origin: string }>
  >;
  readonly seed: number;
  readonly dataSha256: string;
  readonly vocabularySha256: string;
  readonly codeVersion: string;
  readonly device: string;
  /** How the device rounds (`Engine.arithmetic`); absent in runs of versions that did not note it. */
  readonly arithmetic?: string | undefined;
  /** Runtime, its JavaScript engine and the system, for people; absent as above. */
  readonly platform?: string | undefined;
  readonly parameterCount: number;
  /** Absent unless `epsilon provoke` has made the run. */
  readonly provocation?: ProvocationRecord | undefined;
  readonly started: string;
  readonly resumed: readonly Resumption[];
  /** Tables into which `epsilon diagnose` wrote rows about the weights after `step`, in the place of training's own. */
  readonly diagnosed?: readonly Diagnosed[] | undefined;
  /** Null until the run ends. */
  readonly ended: string | null;
  /** `running` until the run ends. */
  readonly outcome: "running" | "finished" | "stopped-early" | "interrupted" | "failed";
}

/** How a run ended. */
export type RunOutcome = Exclude<RunRecord["outcome"], "running">;

/** Whether `name` can name a run: a checkpoint may hold any text in its place. */
export function isRunName(name: string): boolean {
  return RUN_NAME.test(name);
}

/** Throws UsageError unless `name` can name a run. */
export function requireRunName(name: string): void {
  if (isRunName(name)) return;
  throw new UsageError(
    `Cannot name a run "${printable(name)}"`,
    "Use up to 200 letters, digits, dots, dashes and underscores, the first a letter or digit.",
  );
}

/** Writes `run.json` of `folder` as a whole or not at all; throws DataError when the disk refuses. */
export async function writeRunJson(folder: string, record: RunRecord): Promise<void> {
  const written = { ...record, model: applicableConfig(record.model) };
  await writeFileAtomically(join(folder, RUN_JSON), `${JSON.stringify(written, null, 2)}\n`);
}

/** Reads `run.json` of `folder`; throws DataError when it is missing, or naming the first key that is wrong. */
export async function readRunJson(folder: string): Promise<RunRecord> {
  const path = join(folder, RUN_JSON);
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("Cannot read", path, error);
    throw new DataError(
      `Cannot read the run ${printable(folder)}: it has no ${RUN_JSON}`,
      "Name a folder that `epsilon train` has filled.",
      { cause: error },
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw broken(path, reason, cause);
  }
  const result = checkShape(RUN, value);
  if ("fault" in result) throw broken(path, result.fault);
  const model = readModelConfig(result.value.model, path);
  return { ...result.value, model, recipe: readRecipe(result.value.recipe, path) };
}

function readRecipe(values: Record<string, string | number>, path: string): TrainConfig {
  try {
    return validateTrainConfig(values as unknown as TrainConfig);
  } catch (error) {
    if (error instanceof UsageError) throw broken(path, `recipe: ${error.message}`, error);
    throw error;
  }
}

function broken(path: string, details: string, cause?: unknown): DataError {
  return new DataError(
    `Cannot read ${printable(path)}: ${printable(details)}`,
    "The file was changed or comes from another version of epsilon; restore it or use that version.",
    { cause },
  );
}
