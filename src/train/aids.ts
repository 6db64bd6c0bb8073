import { UsageError } from "../errors.ts";
import { NOISE_SITES, type NoiseSite } from "../model/noise.ts";
import { type Range, requireInRange, whole } from "../model/range.ts";
import {
  publishedNumbers,
  SUPPRESSION_LAYERS,
  SUPPRESSION_PRESETS,
  SUPPRESSION_RANGES,
  SUPPRESSION_VARIANTS,
  type SuppressionLayer,
  type SuppressionPreset,
  type SuppressionSettings,
  type SuppressionVariant,
  validateSuppression,
} from "./adaptive_resonance.ts";
import { type Guard, GUARDS } from "./resonance_guard.ts";
import { RETENTION_RANGES, type RetentionSettings } from "./retention.ts";
import {
  PUBLISHED_RESONANCE,
  RESONANCE_RANGES,
  type ResonanceSettings,
  validateResonance,
} from "./stochastic_resonance.ts";

/** What the gain of stochastic resonance follows. */
export const RESONANCE_METRICS = ["loss", "accuracy"] as const;
export type ResonanceMetric = typeof RESONANCE_METRICS[number];

/** Stochastic resonance in training (stability spec §1). */
export interface ResonanceAid {
  readonly sr: NoiseSite;
  /** Minus the mean training loss of a window, or the validation accuracy of an epoch. */
  readonly srMetric: ResonanceMetric;
  /** Optimizer steps whose mean loss is one value of the metric. */
  readonly srWindow: number;
  readonly srPatience: number;
  readonly srBaseGain: number;
  readonly srMinGain: number;
  readonly srMaxGain: number;
  readonly srThreshold: number;
  readonly srGrowth: number;
  readonly srDecay: number;
}

/** Adaptive resonance suppression around AdamW (stability spec §2). */
export interface SuppressionAid {
  readonly ars: SuppressionVariant;
  /** Of the paper's variant. */
  readonly arsPreset?: SuppressionPreset;
  /** The layers that are on, in their order, joined by commas. */
  readonly arsLayers: string;
  readonly arsGuard: Guard;
  readonly arsWindow: number;
  readonly arsAlpha: number;
  readonly arsPhiMin: number;
  readonly arsJitter: number;
  /** Of the paper's variant. */
  readonly arsThreshold?: number;
}

/** The penalty on forgetting what was learned before a step (stability spec §2, "Regulariser"). */
export interface RetentionAid {
  /** λ */
  readonly retain: number;
  /** γ */
  readonly retainGamma: number;
  /** Optimizer steps before the anchor. */
  readonly retainAt: number;
  /** Batches before the anchor whose reviews tell which weights matter. */
  readonly retainBatches: number;
  /** k */
  readonly retainDirections: number;
}

/** The training aids of a recipe; one that is off has no keys, so that a recipe without aids knows nothing of them. */
export interface Aids extends Partial<ResonanceAid>, Partial<SuppressionAid>, Partial<RetentionAid> {}

/** Accepted values of the aids' numbers. */
export const AID_RANGES = {
  srWindow: whole(1, 1_000_000_000),
  srPatience: RESONANCE_RANGES.patience,
  srBaseGain: RESONANCE_RANGES.baseGain,
  srMinGain: RESONANCE_RANGES.minGain,
  srMaxGain: RESONANCE_RANGES.maxGain,
  srThreshold: RESONANCE_RANGES.stagnationThreshold,
  srGrowth: RESONANCE_RANGES.gainGrowth,
  srDecay: RESONANCE_RANGES.gainDecay,
  arsWindow: SUPPRESSION_RANGES.window,
  arsAlpha: SUPPRESSION_RANGES.alpha,
  arsPhiMin: SUPPRESSION_RANGES.phiMin,
  arsJitter: SUPPRESSION_RANGES.jitter,
  arsThreshold: SUPPRESSION_RANGES.threshold,
  retain: RETENTION_RANGES.strength,
  retainGamma: RETENTION_RANGES.gamma,
  retainAt: RETENTION_RANGES.at,
  retainBatches: RETENTION_RANGES.batches,
  retainDirections: RETENTION_RANGES.directions,
} as const satisfies Partial<Record<keyof Aids, Range>>;

/** The accepted words of the aids' choices. */
const AID_CHOICES = {
  sr: NOISE_SITES,
  srMetric: RESONANCE_METRICS,
  ars: SUPPRESSION_VARIANTS,
  arsPreset: SUPPRESSION_PRESETS,
  arsGuard: GUARDS,
} as const satisfies Partial<Record<keyof Aids, readonly string[]>>;

/** Defaults of stochastic resonance: those of the published code; a window is as long as the steps between two rows. */
export const RESONANCE_DEFAULTS: Omit<ResonanceAid, "sr"> = {
  srMetric: "loss",
  srWindow: 50,
  srPatience: PUBLISHED_RESONANCE.patience,
  srBaseGain: PUBLISHED_RESONANCE.baseGain,
  srMinGain: PUBLISHED_RESONANCE.minGain,
  srMaxGain: PUBLISHED_RESONANCE.maxGain,
  srThreshold: PUBLISHED_RESONANCE.stagnationThreshold,
  srGrowth: PUBLISHED_RESONANCE.gainGrowth,
  srDecay: PUBLISHED_RESONANCE.gainDecay,
};

/** Defaults of the penalty, which is off: the step of the published shift, and the reviews of four batches. */
export const RETENTION_DEFAULTS: RetentionAid = {
  retain: 0,
  retainGamma: 0,
  retainAt: 300,
  retainBatches: 4,
  retainDirections: 4,
};

/** Every layer. */
export const ALL_LAYERS = SUPPRESSION_LAYERS.join(",");

/** The keys of the numbers of adaptive resonance suppression. */
export type SuppressionNumber = "arsWindow" | "arsAlpha" | "arsPhiMin" | "arsJitter" | "arsThreshold";

/** The published numbers of a variant of adaptive resonance suppression. */
export function suppressionDefaults(
  ars: SuppressionVariant,
  preset: SuppressionPreset,
  guard: Guard,
): Record<SuppressionNumber, number> {
  const { window, alpha, phiMin, jitter, threshold } = publishedNumbers(ars, preset, guard);
  return { arsWindow: window, arsAlpha: alpha, arsPhiMin: phiMin, arsJitter: jitter, arsThreshold: threshold };
}

/** The layers that `text` names, in their order; undefined where it names an unknown one, one twice, or none. */
export function readLayers(text: string): SuppressionLayer[] | undefined {
  const names = text.split(",").map((name) => name.trim());
  const layers = SUPPRESSION_LAYERS.filter((layer) => names.includes(layer));
  return layers.length === names.length ? layers : undefined;
}

/** The settings of the state machine of `aids`, undefined where stochastic resonance is off. */
export function resonanceSettings(aids: Aids): ResonanceSettings | undefined {
  if (!hasResonance(aids)) return undefined;
  return {
    baseGain: aids.srBaseGain,
    minGain: aids.srMinGain,
    maxGain: aids.srMaxGain,
    stagnationThreshold: aids.srThreshold,
    gainGrowth: aids.srGrowth,
    gainDecay: aids.srDecay,
    patience: aids.srPatience,
  };
}

/** The settings of adaptive resonance suppression of `aids`, undefined where it is off. */
export function suppressionSettings(aids: Aids): SuppressionSettings | undefined {
  if (!hasSuppression(aids)) return undefined;
  return {
    variant: aids.ars,
    layers: readLayers(aids.arsLayers) ?? [],
    guard: aids.arsGuard,
    window: aids.arsWindow,
    alpha: aids.arsAlpha,
    phiMin: aids.arsPhiMin,
    jitter: aids.arsJitter,
    threshold: aids.arsThreshold ?? 0,
  };
}

/** The settings of the penalty of `aids`, undefined where it is off. */
export function retentionSettings(aids: Aids): RetentionSettings | undefined {
  if (!hasRetention(aids)) return undefined;
  return {
    strength: aids.retain,
    gamma: aids.retainGamma,
    at: aids.retainAt,
    batches: aids.retainBatches,
    directions: aids.retainDirections,
  };
}

/** Throws UsageError unless the anchor of `aids`, if any, lies before the last of `steps` optimizer steps. */
export function requireAnchorWithin({ retainAt }: Aids, steps: number): void {
  if (retainAt === undefined || retainAt < steps) return;
  throw new UsageError(
    `Cannot hold on to the weights before step ${retainAt}: training has ${steps} optimizer steps`,
    "Lower --retain-at, or train longer.",
  );
}

export function hasResonance(aids: Aids): aids is Aids & ResonanceAid {
  return aids.sr !== undefined;
}

export function hasSuppression(aids: Aids): aids is Aids & SuppressionAid {
  return aids.ars !== undefined;
}

export function hasRetention(aids: Aids): aids is Aids & RetentionAid {
  return aids.retain !== undefined;
}

const RETENTION_KEYS = Object.keys(RETENTION_DEFAULTS) as (keyof RetentionAid)[];
const RESONANCE_KEYS = ["sr", ...Object.keys(RESONANCE_DEFAULTS)] as (keyof ResonanceAid)[];
const SUPPRESSION_KEYS: readonly (keyof SuppressionAid)[] = [
  ...["ars", "arsLayers", "arsGuard", "arsWindow", "arsAlpha", "arsPhiMin", "arsJitter"] as const,
];
/** Keys of the paper's variant alone. */
const PAPER_KEYS: readonly (keyof SuppressionAid)[] = ["arsPreset", "arsThreshold"];

/** The keys of `aids` that bear on it: those of the aids that are on, in a fixed order. */
export function aidKeys({ sr, ars, retain }: Pick<Aids, "sr" | "ars" | "retain">): (keyof Aids)[] {
  return [
    ...sr === undefined ? [] : RESONANCE_KEYS,
    ...ars === undefined ? [] : SUPPRESSION_KEYS,
    ...ars === "paper" ? PAPER_KEYS : [],
    ...retain === undefined ? [] : RETENTION_KEYS,
  ];
}

/** Every key of the aids. */
export const AID_KEYS: readonly (keyof Aids)[] = [
  ...RESONANCE_KEYS,
  ...SUPPRESSION_KEYS,
  ...PAPER_KEYS,
  ...RETENTION_KEYS,
];

/** Throws UsageError when a key of an aid is missing, superfluous or out of its range, or its values do not fit together. */
export function validateAids(aids: Aids): void {
  const wanted = new Set(aidKeys(aids));
  for (const key of AID_KEYS) {
    const value = aids[key];
    if ((value !== undefined) !== wanted.has(key)) {
      throw new UsageError(
        `Cannot use ${key}: it is ${value === undefined ? "missing" : "given, and the aid that it belongs to is off"}`,
        "Give the keys of those aids that are on.",
      );
    }
    if (value === undefined) continue;
    const range: Range | undefined = AID_RANGES[key as keyof typeof AID_RANGES];
    if (range !== undefined) requireInRange(key, typeof value === "number" ? value : NaN, range);
    if (key === "arsLayers" && readLayers(String(value)) === undefined) {
      throw new UsageError(`Cannot use ${key}: "${value}"`, `Give some of ${ALL_LAYERS}.`);
    }
    const choices: readonly string[] | undefined = AID_CHOICES[key as keyof typeof AID_CHOICES];
    if (choices !== undefined && !choices.includes(String(value))) {
      throw new UsageError(`Cannot use ${key}: "${value}"`, `Give ${choices.join(" or ")}.`);
    }
  }
  const resonance = resonanceSettings(aids);
  if (resonance !== undefined) validateResonance(resonance);
  const suppression = suppressionSettings(aids);
  if (suppression !== undefined) validateSuppression(suppression);
}
