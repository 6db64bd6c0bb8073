import type { TokenizedDataset } from "../data/dataset.ts";
import {
  type DistributionShift,
  plainSource,
  reversedSource,
  type ReviewSource,
  type Shift,
  shortSource,
  swappedSource,
} from "../data/shift.ts";
import { stratifiedSplit } from "../data/split.ts";
import { DataError, UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import type { ProvocationRecord, RunRecord } from "../metrics/run_json.ts";
import type { ModelConfig } from "../model/config.ts";
import { kebabCase } from "../model/key_name.ts";
import type { TrainConfig } from "../train/config.ts";
import { isGiven, type Origin } from "./configuration.ts";
import type { Values } from "./option.ts";
import type { Terminal } from "./output.ts";
import type { Progress } from "./progress.ts";
import { SHIFT_OPTIONS } from "./provoke.ts";
import { type DataValues, loadReviews } from "./reviews.ts";

/** The shift that the options or a run's record ask for. */
export interface ShiftChoice {
  readonly shift: Shift;
  /** Optimizer steps before it. */
  readonly shiftAt: number;
  /** Tokens to which `short` cuts a review. */
  readonly shiftLength: number;
  /** Reviews of `domain`. */
  readonly shiftData: string | undefined;
}

/** A run's shift, ready to train with. */
export interface Provocation {
  readonly shift: DistributionShift;
  readonly record: ProvocationRecord;
}

type ShiftValues = Values<typeof SHIFT_OPTIONS>;
type ShiftOrigins = { readonly [Key in keyof ShiftValues]: Origin };

/** The shift of a new run. Throws UsageError when its options do not fit together. */
export function chooseShift(values: ShiftValues, origins: ShiftOrigins, maxSeqLength: number): ShiftChoice {
  const { shift, shiftAt, shiftLength, shiftData } = values;
  if (shift === "domain" && shiftData === undefined) {
    throw new UsageError("Cannot shift to another domain: no reviews were named", "Name them with --shift-data.");
  }
  const idle = { shiftData: shift !== "domain", shiftLength: shift !== "short" };
  for (const key of ["shiftData", "shiftLength"] as const) {
    if (!idle[key] || origins[key] !== "flag") continue;
    const meant = key === "shiftData" ? "domain" : "short";
    throw new UsageError(
      `Cannot use --${kebabCase(key)} with --shift ${shift}`,
      `Give --shift ${meant}, or leave it out.`,
    );
  }
  if (shift === "short" && shiftLength >= maxSeqLength) {
    throw new UsageError(
      `Cannot shift to reviews of ${shiftLength} tokens: they are cut to ${maxSeqLength} from the start`,
      `Give --shift-length below --max-seq-length.`,
    );
  }
  return { shift, shiftAt, shiftLength, shiftData };
}

/** The shift of the run that `record` describes. Throws UsageError when options were given with other values. */
export function recordedShift(
  values: ShiftValues,
  origins: ShiftOrigins,
  folder: string,
  { provocation, configuration }: RunRecord,
): ShiftChoice {
  if (provocation === undefined) {
    throw new UsageError(
      `Cannot go on with ${printable(folder)}: its distribution does not shift`,
      `Go on with it by epsilon train --resume ${printable(folder)}.`,
    );
  }
  const differing = (["shift", "shiftAt", "shiftLength"] as const)
    .filter((key) => isGiven(origins[key]) && values[key] !== provocation[key])
    .map((key) => `${kebabCase(key)} is ${provocation[key] ?? "not used"} in the run, ${values[key]} was given`);
  if (differing.length > 0) {
    throw new UsageError(
      `Cannot resume ${printable(folder)} with another configuration: ${differing.join("; ")}`,
      "Leave these options out to go on with the run, or start another one with --out.",
    );
  }
  const recorded = repeatedShift(provocation, configuration);
  return { ...recorded, shiftData: values.shiftData ?? recorded.shiftData };
}

/** The shift of a run as its record has it. */
export function repeatedShift(provocation: ProvocationRecord, configuration: RunRecord["configuration"]): ShiftChoice {
  const { shiftLength } = provocation;
  const shiftData = configuration["shift-data"]?.value;
  return {
    ...provocation,
    // Of the others nobody asks.
    shiftLength: shiftLength ?? SHIFT_OPTIONS.shiftLength.fallback,
    shiftData: typeof shiftData === "string" ? shiftData : undefined,
  };
}

export interface PrepareShiftOptions {
  readonly dataset: TokenizedDataset;
  readonly data: DataValues;
  readonly model: ModelConfig;
  readonly recipe: TrainConfig;
  readonly threads: number;
  readonly progress: Progress;
  readonly terminal: Terminal;
}

/** Reads the other domain where there is one, and puts the shift together. Throws DataError when it cannot be read. */
export async function prepareShift(choice: ShiftChoice, options: PrepareShiftOptions): Promise<Provocation> {
  const { dataset, recipe } = options;
  const own = plainSource(dataset, stratifiedSplit(dataset.labels, recipe));
  const other = choice.shift === "domain" ? await loadDomain(choice, options) : undefined;
  const sources: Readonly<Record<Shift, () => ReviewSource>> = {
    reverse: () => reversedSource(own),
    "swap-labels": () => swappedSource(own),
    short: () => shortSource(own, choice.shiftLength),
    domain: () => other === undefined ? own : plainSource(other, stratifiedSplit(other.labels, recipe)),
  };
  return {
    shift: { step: choice.shiftAt, after: sources[choice.shift]() },
    record: {
      shift: choice.shift,
      shiftAt: choice.shiftAt,
      shiftLength: choice.shift === "short" ? choice.shiftLength : null,
      shiftDataSha256: other?.dataHash ?? null,
    },
  };
}

async function loadDomain(
  { shiftData }: ShiftChoice,
  { data, threads, progress, terminal }: PrepareShiftOptions,
): Promise<TokenizedDataset> {
  if (shiftData === undefined) {
    throw new UsageError("Cannot shift to another domain: no reviews were named", "Name them with --shift-data.");
  }
  return await loadReviews({ data: { ...data, data: shiftData }, threads, split: "train", progress, terminal });
}

/** Throws DataError, beginning with `refusal`, when a run's second domain is not the one it was started with. */
export function requireSameDomain({ record }: Provocation, { provocation }: RunRecord, refusal: string): void {
  if (record.shiftDataSha256 === (provocation?.shiftDataSha256 ?? null)) return;
  throw new DataError(
    `${refusal} with another second domain: SHA-256 ${record.shiftDataSha256}, ` +
      `started with ${provocation?.shiftDataSha256}`,
    "Give the run's second domain with --shift-data.",
  );
}
