import { UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import type { RunRecord } from "../metrics/run_json.ts";
import {
  applicableConfig,
  applicableKeys,
  canonicalConfig,
  type ModelConfig,
  PAPER_CONFIG,
  validateModelConfig,
} from "../model/config.ts";
import { aidKeys } from "../train/aids.ts";
import { type TrainConfig, validateTrainConfig } from "../train/config.ts";
import { kebabCase } from "../model/key_name.ts";
import { AID_OPTIONS, aidsOf } from "./aid_options.ts";
import { isGiven } from "./configuration.ts";
import { DATA_OPTIONS, DEVICE_OPTIONS, MODEL_OPTIONS, RECIPE_OPTIONS } from "./options.ts";
import type { DataValues } from "./reviews.ts";
import type { TrainContext } from "./train.ts";

type TrainChoice = Pick<TrainContext, "values" | "origins">;
type TrainValues = TrainContext["values"];

/** Reviews are negative or positive. */
const CLASSES = 2;

/** Whether option `key` belongs to another model than `model`, which ignores it. */
function isForeign(key: string, { model, halting }: Pick<ModelConfig, "model" | "halting">): boolean {
  const own: readonly string[] = applicableKeys({ model, halting });
  return model === "vanilla" && Object.hasOwn(PAPER_CONFIG, key) && !own.includes(key);
}

/** Flags that were given though the model ignores them, as `--num-bins` with the vanilla model. */
export function ignoredFlags({ values, origins }: TrainChoice): string[] {
  return Object.keys(MODEL_OPTIONS)
    .filter((key) => origins[key as keyof TrainValues] === "flag" && isForeign(key, values))
    .map((key) => `--${kebabCase(key)}`);
}

/** The model that the options ask for. Throws UsageError when they do not fit together. */
export function modelConfigOf({ values, origins }: TrainChoice, vocabSize: number): ModelConfig {
  if (values.model === "epsilon" && isGiven(origins.repeat) && values.halting !== "repeat-k") {
    throw new UsageError(
      `Cannot repeat the block ${values.repeat} times: the halting mode is ${values.halting}`,
      "Give --halting repeat-k along with --repeat, or leave --repeat out.",
    );
  }
  const config = validateModelConfig({
    model: values.model,
    vocabSize,
    dModel: values.dModel,
    numHeads: values.numHeads,
    numBins: values.numBins,
    ffnDim: values.ffnDim,
    maxLayers: values.maxLayers,
    numClasses: CLASSES,
    alphaRes: values.alphaRes,
    targetHaltingMean: values.targetHaltingMean,
    klLossWeight: values.klLossWeight,
    entLossWeight: values.entLossWeight,
    binUpdateFrequency: values.binUpdateFrequency,
    halting: values.halting,
    repeat: values.repeat,
    dropout: values.dropout,
    maxSeqLength: values.maxSeqLength,
  });
  return canonicalConfig(config);
}

/** The recipe that the options ask for. Throws UsageError when a value is out of range. */
export function recipeOf({ values, origins }: TrainChoice): TrainConfig {
  return validateTrainConfig({
    batchSize: values.batchSize,
    learningRate: values.learningRate,
    weightDecay: values.weightDecay,
    clipGradNorm: values.clipGradNorm,
    warmupSteps: values.warmupSteps,
    epochs: values.epochs,
    seed: values.seed,
    limitBatches: values.limitBatches,
    patience: values.patience,
    logEvery: values.logEvery,
    checkpointEvery: values.checkpointEvery,
    validationShare: values.validationShare,
    ...aidsOf({ values, origins }),
  });
}

/**
 * Every option that bears on the result of `model` and `recipe`, with its value and where it came from, as `run.json` keeps it; of the data
 * options those that were really used. The instruments stand there too: a resumed run goes on reading them.
 */
export function recordedConfiguration(
  { values, origins }: TrainChoice,
  model: ModelConfig,
  recipe: TrainConfig,
  data: DataValues,
): RunRecord["configuration"] {
  const applicable = applicableKeys(model).filter((key) => key in MODEL_OPTIONS);
  const others = Object.keys({ ...RECIPE_OPTIONS, ...DATA_OPTIONS, ...DEVICE_OPTIONS });
  const keys = [...applicable, ...aidKeys(recipe), ...others, "instruments"];
  const used = { ...values, ...data };
  return Object.fromEntries(keys.map((key) => {
    const name = key as keyof TrainValues;
    return [kebabCase(key), { value: used[name] ?? null, origin: origins[name] }];
  }));
}

/**
 * Throws UsageError, naming the keys, when model or recipe options were given with other values than the run's: going
 * on with them would be another run. Options that were not given take the run's values.
 */
export function requireSameConfiguration({ values, origins }: TrainChoice, folder: string, record: RunRecord): void {
  const off = { sr: "off", ars: "off", retain: 0, retainGamma: 0 };
  const recorded: Readonly<Record<string, unknown>> = { ...applicableConfig(record.model), ...off, ...record.recipe };
  const keys = Object.keys({ ...MODEL_OPTIONS, ...RECIPE_OPTIONS, ...AID_OPTIONS })
    .filter((key) => !isForeign(key, record.model)) as (keyof TrainValues)[];
  const differing = keys.filter((key) => isGiven(origins[key]) && values[key] !== recorded[key]);
  if (differing.length === 0) return;
  const details = differing.map((key) =>
    `${kebabCase(key)} is ${recorded[key] ?? "not used"} in the run, ${values[key]} was given`
  );
  throw new UsageError(
    `Cannot resume ${printable(folder)} with another configuration: ${details.join("; ")}`,
    "Leave these options out to go on with the run, or start another one with --out.",
  );
}
