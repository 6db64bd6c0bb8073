import { initialWeights } from "../model/initialization.ts";
import { type InstrumentName, tablesOf } from "../diagnose/instruments/instruments.ts";
import { precisionOf, PRECISIONS } from "../engine/precision.ts";
import { chooseDevice, mayBeHalf } from "../engine/choose_device.ts";
import type { Engine } from "../engine/engine.ts";
import { NUMERICS } from "../engine/numerics.ts";
import { ADAPTERS, DEVICES, openEngine, type OpenEngineOptions } from "../engine/open_engine.ts";
import { DataError, DeviceError, VerificationError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { type Compared, type Difference, Repetition, type RepetitionRules } from "../metrics/repetition.ts";
import { readRunJson, type RunRecord } from "../metrics/run_json.ts";
import { stratifiedSplit } from "../data/split.ts";
import { batchesPerEpoch } from "../train/loop.ts";
import { VERSION } from "../version.ts";
import { isGiven } from "./configuration.ts";
import { formatTable } from "./format.ts";
import { warnOfPrecision } from "./half_precision.ts";
import { namedInstruments, prepareInstruments } from "./instrument_choice.ts";
import { jsonDocument } from "./output.ts";
import { Progress } from "./progress.ts";
import { prepareShift, type Provocation, repeatedShift, requireSameDomain } from "./provocation.ts";
import { loadReviews, recordedData, requireSameData } from "./reviews.ts";
import { trainingEvents } from "./training_events.ts";
import { TrainingDisplay } from "./training_display.ts";
import type { VerifyContext } from "./verify.ts";

/** Accepted where the device rounds otherwise than the run's and no tolerance was given. */
const TOLERANCE = 1e-3;

/** `exactUntil` where nothing need be the same to the byte. */
const NOWHERE = -1;

/** How a repetition went. */
interface Repeated {
  readonly run: string;
  readonly device: string;
  readonly rules: RepetitionRules;
  /** Optimizer steps that were repeated, and those of the run. */
  readonly steps: number;
  readonly runSteps: number;
  readonly compared: Compared;
  readonly notes: readonly string[];
  readonly difference: Difference | undefined;
}

/** The body of `epsilon verify RUN`: repeats the run and compares what it tells with what stands in its folder. */
export async function verifyRepetition(context: VerifyContext, folder: string): Promise<number> {
  const { values, terminal } = context;
  const record = await readRunJson(folder);
  const progress = new Progress(values.progress);
  try {
    const repeated = await repeat(context, folder, record, progress);
    progress.clear();
    await terminal.write(values.json ? jsonDocument(summary(repeated)) : report(repeated));
    if (repeated.difference !== undefined) throw mismatch(repeated, record);
    return 0;
  } finally {
    progress.clear();
  }
}

async function repeat(
  context: VerifyContext,
  folder: string,
  record: RunRecord,
  progress: Progress,
): Promise<Repeated> {
  const { values, terminal } = context;
  const { model, recipe } = record;
  const wish = { ...repeatedDevice(context, record), threads: values.threads };
  await requireDevice(context, wish);
  const data = recordedData(context, record);
  const dataset = await loadReviews({ data, threads: values.threads, split: "train", progress, terminal }).catch(
    (error) => {
      if (!(error instanceof DataError) || isGiven(context.origins.data)) throw error;
      throw new DataError(error.message, "Give the run's data with --data, in any place and under any name.", {
        cause: error,
      });
    },
  );
  const refusal = `Cannot repeat ${printable(folder)}`;
  requireSameData(dataset, record, refusal);
  let provocation: Provocation | undefined;
  if (record.provocation !== undefined) {
    const choice = repeatedShift(record.provocation, record.configuration);
    provocation = await prepareShift(choice, {
      dataset,
      data,
      model,
      recipe,
      threads: values.threads,
      progress,
      terminal,
    });
    requireSameDomain(provocation, record, refusal);
  }
  const engine = await openEngine(model, wish);
  try {
    warnOfPrecision(engine, wish, terminal);
    await engine.upload({ weights: initialWeights(model, recipe.seed) });
    const exact = values.tolerance > 0 ? NOWHERE : exactUntil(record, engine);
    const read = await prepareInstruments(
      exact === NOWHERE ? new Set() : repeatedInstruments(record),
      model,
      data.vocabulary,
      terminal,
    );
    const rules = {
      exactUntil: exact,
      tolerance: values.tolerance > 0 ? values.tolerance : TOLERANCE,
      tables: new Set([...read.instruments].flatMap(tablesOf)),
    };
    const split = stratifiedSplit(dataset.labels, recipe);
    const runSteps = await Repetition.lastStep(folder);
    const stopAt = values.steps > 0 ? Math.min(values.steps, runSteps) : isWhole(record) ? undefined : runSteps;
    const repetition = await Repetition.open(folder, record, rules);
    const display = new TrainingDisplay(progress, {
      trainingBatches: batchesPerEpoch(split.train.length, recipe),
      validationBatches: Math.ceil(split.validation.length / recipe.batchSize),
      epochs: recipe.epochs,
    });
    progress.begin();
    let steps = 0;
    let difference: Difference | undefined;
    for await (const event of trainingEvents({ engine, dataset, model, recipe, read, provocation }, { stopAt })) {
      display.show(event);
      difference = await repetition.compare(event);
      if (event.kind === "checkpoint" || event.kind === "end") steps = event.position.step;
      else if ("step" in event) steps = event.step;
      if (difference !== undefined) break;
    }
    const { compared } = repetition;
    const notes = notesOn(record, engine, rules);
    return { run: record.run, device: engine.description, rules, steps, runSteps, compared, notes, difference };
  } finally {
    await engine.close();
  }
}

/** The device and rounding that were asked for, else those that give the run's arithmetic. */
function repeatedDevice({ values, origins }: VerifyContext, record: RunRecord): OpenEngineOptions {
  const { arithmetic, configuration } = record;
  const recorded = <Word extends string>(key: string, words: readonly Word[], fallback: Word): Word =>
    words.find((word) => word === configuration[key]?.value) ?? fallback;
  const [usual, numerics] = arithmetic === "float64"
    ? ["reference", "fast"] as const
    : arithmetic === "float32 rounded"
    ? ["cpu", "strict"] as const
    : arithmetic === "float32 fused"
    ? ["cpu", "fast"] as const
    : arithmetic === undefined
    ? [recorded("device", DEVICES, "auto"), recorded("numerics", NUMERICS, "fast")] as const
    : ["gpu", "fast"] as const;
  const device = isGiven(origins.device) ? values.device : isGiven(origins.numerics) ? "cpu" : usual;
  const rounding = isGiven(origins.numerics) ? values.numerics : numerics;
  const precision = arithmetic === undefined ? recorded("precision", PRECISIONS, "f32") : precisionOf(arithmetic);
  return {
    device,
    numerics: rounding,
    precision: isGiven(origins.precision) ? values.precision : mayBeHalf(device, rounding) ? precision : "f32",
    adapter: isGiven(origins.adapter) ? values.adapter : recorded("adapter", ADAPTERS, values.adapter),
    threads: values.threads,
  };
}

/** Throws DeviceError with the way out when the run's device is not there. */
async function requireDevice({ origins }: VerifyContext, wish: OpenEngineOptions): Promise<void> {
  try {
    await chooseDevice(wish);
  } catch (error) {
    if (!(error instanceof DeviceError) || isGiven(origins.device)) throw error;
    const hint = "The run was made there. With --device cpu it is repeated within a tolerance.";
    throw new DeviceError(error.message, hint, { cause: error });
  }
}

/** The step up to which `engine` rounds as the run's devices did; `NOWHERE` where it does not from the start on. */
function exactUntil({ arithmetic, resumed }: RunRecord, engine: Engine): number {
  if (arithmetic !== engine.arithmetic) return NOWHERE;
  return resumed.find((one) => one.arithmetic !== engine.arithmetic)?.step ?? Infinity;
}

/** The instruments that the run read all along. */
function repeatedInstruments({ configuration, resumed }: RunRecord): ReadonlySet<InstrumentName> {
  const recorded = configuration.instruments?.value;
  const lists = [
    typeof recorded === "string" ? recorded : "none",
    ...resumed.flatMap(({ instruments = [] }) => instruments),
  ];
  return lists.map(namedInstruments).reduce((a, b) => a.intersection(b));
}

function isWhole({ outcome }: RunRecord): boolean {
  return outcome === "finished" || outcome === "stopped-early";
}

/** What people should know about the comparison. */
function notesOn(record: RunRecord, { arithmetic }: Engine, { exactUntil, tables }: RepetitionRules): string[] {
  const { outcome, codeVersion, resumed, diagnosed = [] } = record;
  const versions = new Set([codeVersion, ...resumed.map((one) => one.codeVersion)]);
  versions.delete(VERSION);
  const rewritten = diagnosed.filter(({ split, tables: written }) =>
    split === "validation" && written.some((table) => [...tables].some((one) => one === table))
  );
  return [
    ...exactUntil === NOWHERE && record.arithmetic === undefined
      ? ["run.json does not say how the run's device rounded"]
      : [],
    ...exactUntil === NOWHERE && record.arithmetic !== undefined && record.arithmetic !== arithmetic
      ? [`the run was computed in ${record.arithmetic}, this is ${arithmetic}`]
      : [],
    ...exactUntil > NOWHERE && exactUntil < Infinity ? [`from step ${exactUntil} on the run rounded otherwise`] : [],
    ...versions.size > 0 ? [`the run was made by version ${[...versions].join(" and ")}, this is ${VERSION}`] : [],
    ...isWhole(record) ? [] : [`the run is ${outcome === "running" ? "under way, or was killed" : outcome}`],
    ...rewritten.length > 0 ? ["rows that epsilon diagnose has rewritten are not compared"] : [],
  ];
}

/** How the values were compared, in words. */
function manner({ exactUntil, tolerance }: RepetitionRules): string {
  if (exactUntil === Infinity) return "bytes";
  const within = `within ${tolerance}`;
  return exactUntil === NOWHERE ? within : `bytes to step ${exactUntil}, then ${within}`;
}

function summary({ rules, compared, difference, runSteps, ...about }: Repeated): Record<string, unknown> {
  return {
    ...about,
    run_steps: runSteps,
    pass: difference === undefined,
    comparison: manner(rules),
    rows: Object.fromEntries(compared.rows),
    checkpoints: Object.fromEntries(compared.checkpoints),
    errors: Object.fromEntries(compared.errors),
    difference: difference ?? null,
  };
}

function report({ run, device, rules, steps, runSteps, compared, notes, difference }: Repeated): string {
  const same = rules.exactUntil === Infinity ? "the same" : "agree";
  const errors = [...compared.errors].toSorted(([, a], [, b]) => b - a);
  return formatTable([
    ["run", run],
    ["repeated on", device],
    ["compared by", manner(rules)],
    ["steps", `${steps} of ${runSteps}`],
    ...[...compared.rows].map(([file, rows]) => [file, `${rows} rows ${same}`] as const),
    ...[...compared.checkpoints].map(([file, step]) => [file, `step ${step}, all tensors ${same}`] as const),
    ...errors.slice(0, 1).map(([name, error]) => ["largest error", `${error.toPrecision(3)} (${name})`] as const),
    ...notes.map((note) => ["note", note] as const),
    ["result", difference === undefined ? "the run repeats" : `differs in ${difference.file}, ${difference.place}`],
  ]);
}

function mismatch({ run, rules, difference }: Repeated, { codeVersion }: RunRecord): VerificationError {
  const { file, place, recorded, repeated } = difference ?? { file: "", place: "", recorded: "", repeated: "" };
  const hint = rules.exactUntil !== Infinity
    ? "Rounding may lead training apart after some time: compare fewer steps with --steps, or give a wider --tolerance."
    : codeVersion !== VERSION
    ? `Version ${codeVersion} of epsilon made the run: repeat it with that.`
    : "The run folder was changed, or this machine computes otherwise: run epsilon verify.";
  return new VerificationError(
    `Cannot repeat ${printable(run)}: ${file}, ${place}: the run has ${printable(recorded)}, repeated it is ${
      printable(repeated)
    }`,
    hint,
  );
}
