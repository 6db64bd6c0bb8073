import { join } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import { isThere } from "../files/is_there.ts";
import { printable } from "../files/printable.ts";
import { readRunJson, RUN_JSON, type RunRecord } from "../metrics/run_json.ts";
import { applicableConfig } from "../model/config.ts";
import { TRAIN_RANGES } from "../train/config.ts";
import { resolveOptions } from "./configuration.ts";
import { suggestName } from "../nearest.ts";
import { kebabCase } from "../model/key_name.ts";
import type { Terminal } from "./output.ts";
import { type ReproduceContext, REPRODUCED_MODELS, type ReproducedModel } from "./reproduce.ts";
import { modelConfigOf, recipeOf } from "./run_configuration.ts";
import { modelDefaults, TRAIN_OPTIONS, type TrainContext } from "./train.ts";

const DEFAULT_SEEDS = [42, 43, 44];
const MOST_SEEDS = 100;

/** A run of the plan. */
export interface PlannedRun {
  /** `exit`, `soft`, `repeat-5` or `vanilla`. */
  readonly variant: string;
  readonly seed: number;
  readonly folder: string;
  /** What `epsilon train` would be given for it, `--out` and `--resume` aside. */
  readonly flags: ReadonlyMap<string, string>;
}

/** The reviews that the plan trains on. */
export interface PlannedData {
  readonly dataHash: string;
  readonly vocabularyHash: string;
  readonly vocabularySize: number;
}

/** What is run: the seeds of each model, the models in the order of the table. */
export type Plan = ReadonlyMap<ReproducedModel, readonly number[]>;

/** The plan that the options ask for; throws UsageError when they name a seed or a model that cannot be run. */
export function readPlan(
  { seeds, vanillaSeeds, models }: Pick<ReproduceContext["values"], "seeds" | "vanillaSeeds" | "models">,
): Plan {
  const named = readModels(models);
  if (vanillaSeeds !== undefined && !named.includes("vanilla")) {
    throw new UsageError(
      "Cannot use --vanilla-seeds: vanilla is not among --models",
      "Name vanilla as well, or leave --vanilla-seeds out.",
    );
  }
  const forAll = seeds === undefined ? DEFAULT_SEEDS : readSeeds("--seeds", seeds);
  const ofVanilla = vanillaSeeds === undefined ? forAll : readSeeds("--vanilla-seeds", vanillaSeeds);
  return new Map(named.map((model) => [model, model === "vanilla" ? ofVanilla : forAll]));
}

/** The seeds that `option` names by `text`; throws UsageError for none, too many, or one twice. */
function readSeeds(option: string, text: string): number[] {
  const { minimum, maximum } = TRAIN_RANGES.seed;
  const seeds = text.split(",").map((part) => {
    const seed = /^\d+$/.test(part.trim()) ? Number(part) : NaN;
    if (seed >= minimum && seed <= maximum) return seed;
    throw new UsageError(`Cannot use ${option} ${text}: "${part}" is no seed`, "Give whole numbers, such as 42,43,44.");
  });
  requireOnce(option, text, seeds);
  if (seeds.length <= MOST_SEEDS) return seeds;
  throw new UsageError(`Cannot use ${option}: ${seeds.length} seeds`, `Give at most ${MOST_SEEDS}.`);
}

/** The models of `--models` in the order of the table; throws UsageError for others, and for repeat without exit. */
function readModels(text: string | undefined): ReproducedModel[] {
  if (text === undefined) return [...REPRODUCED_MODELS];
  const names = text.split(",").map((part) => part.trim());
  for (const name of names) {
    if (REPRODUCED_MODELS.some((model) => model === name)) continue;
    const hint = suggestName(name, REPRODUCED_MODELS, `Give some of ${REPRODUCED_MODELS.join(", ")}.`);
    throw new UsageError(`Cannot use --models ${text}: "${name}" is no model of the reproduction`, hint);
  }
  requireOnce("--models", text, names);
  if (names.includes("repeat") && !names.includes("exit")) {
    throw new UsageError(
      `Cannot use --models ${text}: repeat takes its k from exit's mean steps`,
      "Name exit as well.",
    );
  }
  return REPRODUCED_MODELS.filter((model) => names.includes(model));
}

function requireOnce(option: string, text: string, values: readonly unknown[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice === undefined) return;
  throw new UsageError(`Cannot use ${option} ${text}: ${twice} is named twice`, "Name each once.");
}

/** The run of `model` with `seed`; `repeat` is the k of the model `repeat`. */
export function planRun(
  { values, origins }: Pick<ReproduceContext, "values" | "origins">,
  folder: string,
  model: ReproducedModel,
  seed: number,
  repeat: number,
): PlannedRun {
  const own: Record<ReproducedModel, Record<string, string>> = {
    exit: { halting: "exit" },
    soft: { halting: "soft" },
    repeat: { halting: "repeat-k", repeat: String(repeat) },
    vanilla: { model: "vanilla" },
  };
  const asked = [
    "epochs",
    "limitBatches",
    "patience",
    "device",
    "threads",
    "adapter",
    "numerics",
    "precision",
  ] as const;
  const reviews = ["data", "textColumn", "labelColumn", "vocabulary"] as const;
  const given = [...asked.filter((key) => origins[key] !== "default"), ...reviews]
    .flatMap((key) => values[key] === undefined ? [] : [[key, String(values[key])] as const]);
  const variant = model === "repeat" ? `repeat-${repeat}` : model;
  return {
    variant,
    seed,
    folder: join(folder, "runs", `${variant}-${seed}`),
    flags: new Map([...Object.entries(own[model]), ["seed", String(seed)], ...given]),
  };
}

/** What `epsilon train` resolves of a run's flags and `more`; the environment's options do not bear on a reproduction. */
export function trainContext(
  { flags }: PlannedRun,
  more: readonly (readonly [string, string])[],
  terminal: Terminal,
): TrainContext {
  const sources = { flags: new Map([...flags, ...more]), assignments: [], environment: () => undefined };
  const { values, origins } = resolveOptions(TRAIN_OPTIONS, sources);
  return { values: { ...values, ...modelDefaults({ values, origins }) }, origins, positionals: [], terminal };
}

/** Whether a run has to be started, to go on, or is there. */
export type RunState = "missing" | "unfinished" | "finished";

/**
 * Looks at what lies in a run's place. Throws DataError when it is a run of another configuration, of other data or
 * with another vocabulary: it could stand for the planned one in no table.
 */
export async function inspectPlace(run: PlannedRun, data: PlannedData, terminal: Terminal): Promise<RunState> {
  if (!await isThere(join(run.folder, RUN_JSON))) return "missing";
  const record = await readRunJson(run.folder);
  const done = record.outcome === "finished" || record.outcome === "stopped-early";
  const differing = differences(record, trainContext(run, [], terminal), data);
  if (differing.length === 0) return done ? "finished" : "unfinished";
  throw new DataError(
    `Cannot use the run in ${printable(run.folder)} for ${run.variant}, seed ${run.seed}: ${differing.join("; ")}`,
    "Move it away, or give the options that it was trained with.",
  );
}

/** In what `record` is another run than the planned one. */
function differences(record: RunRecord, context: TrainContext, data: PlannedData): string[] {
  const planned: Record<string, unknown> = {
    ...applicableConfig(modelConfigOf(context, data.vocabularySize)),
    ...recipeOf(context),
    dataSha256: data.dataHash,
    vocabularySha256: data.vocabularyHash,
  };
  const { dataSha256, vocabularySha256 } = record;
  const found: Record<string, unknown> = {
    ...applicableConfig(record.model),
    ...record.recipe,
    dataSha256,
    vocabularySha256,
  };
  // How often something is written changes no result, nor does a patience that did not end the run.
  const idle = ["logEvery", "checkpointEvery", ...record.outcome === "finished" ? ["patience"] : []];
  return [...new Set([...Object.keys(planned), ...Object.keys(found)])]
    .filter((key) => !idle.includes(key) && planned[key] !== found[key])
    .map((key) => `${kebabCase(key)} is ${found[key] ?? "not used"} there, ${planned[key] ?? "not used"} in the plan`);
}
