import { GUARDS } from "../train/resonance_guard.ts";
import { SUPPRESSION_LAYERS, SUPPRESSION_PRESETS, SUPPRESSION_VARIANTS } from "../train/adaptive_resonance.ts";
import {
  AID_RANGES,
  aidKeys,
  type Aids,
  ALL_LAYERS,
  readLayers,
  RESONANCE_DEFAULTS,
  RESONANCE_METRICS,
  RETENTION_DEFAULTS,
  suppressionDefaults,
  type SuppressionNumber,
} from "../train/aids.ts";
import { UsageError } from "../errors.ts";
import { kebabCase } from "../model/key_name.ts";
import { NOISE_SITES } from "../model/noise.ts";
import { isGiven, type Resolved } from "./configuration.ts";
import { choiceOption, grouped, numberOption, type OptionDeclaration } from "./option.ts";

const resonance = (key: Exclude<keyof typeof RESONANCE_DEFAULTS, "srMetric">, description: string) =>
  numberOption({ description, fallback: RESONANCE_DEFAULTS[key], range: AID_RANGES[key] });

const retention = (key: keyof typeof RETENTION_DEFAULTS, description: string) =>
  numberOption({ description, fallback: RETENTION_DEFAULTS[key], range: AID_RANGES[key] });

const PUBLISHED = {
  memo: suppressionDefaults("memo", "original", "lag1"),
  original: suppressionDefaults("paper", "original", "lag1"),
  optimized: suppressionDefaults("paper", "optimized", "lag1"),
  permutation: suppressionDefaults("paper", "original", "permutation"),
};

const suppression = (key: keyof typeof PUBLISHED.memo, shownDefault: string, description: string) =>
  numberOption({ description, fallback: PUBLISHED.memo[key], shownDefault, range: AID_RANGES[key] });

const byVariant = (key: keyof typeof PUBLISHED.memo) => {
  const { memo, original, optimized } = PUBLISHED;
  return `${memo[key]}; paper: ${original[key]}, optimized: ${optimized[key]}`;
};

const layersOption: OptionDeclaration<string> = {
  kind: "value",
  placeholder: "list",
  description: "layers that act: the guard's verdict, the damping, the jitter",
  fallback: ALL_LAYERS,
  shownDefault: ALL_LAYERS,
  words: SUPPRESSION_LAYERS,
  wanted: `some of ${ALL_LAYERS}`,
  read: (text) => readLayers(text)?.join(","),
};

/** The training aids (stability spec §1, §2); the defaults are the published ones. */
export const AID_OPTIONS = {
  ...grouped("Stochastic resonance:", {
    sr: choiceOption(["off", ...NOISE_SITES], {
      description: "noise on the embeddings, or on the state between steps, its gain following a metric",
      fallback: "off",
    }),
    srMetric: choiceOption(RESONANCE_METRICS, {
      description: "minus the training loss, or the validation accuracy",
      fallback: RESONANCE_DEFAULTS.srMetric,
    }),
    srWindow: resonance("srWindow", "optimizer steps whose mean loss is one value of the metric"),
    srPatience: resonance("srPatience", "values without an increase before the gain grows"),
    srBaseGain: resonance("srBaseGain", "first gain: noise as a share of the state's root mean square"),
    srMinGain: resonance("srMinGain", "least gain"),
    srMaxGain: resonance("srMaxGain", "largest gain"),
    srThreshold: resonance("srThreshold", "an increase below this is none"),
    srGrowth: resonance("srGrowth", "factor of a gain that grows; 1, with --sr-decay 1, keeps the base gain"),
    srDecay: resonance("srDecay", "factor of a gain that falls"),
  }),
  ...grouped("Adaptive resonance suppression:", {
    ars: choiceOption(["off", ...SUPPRESSION_VARIANTS], {
      description: "damps the optimizer by each step's surprise, in one of the published variants",
      fallback: "off",
    }),
    arsPreset: choiceOption(SUPPRESSION_PRESETS, {
      description: "the paper's parameters, of which the options below change single ones",
      fallback: "original",
    }),
    arsLayers: layersOption,
    arsGuard: choiceOption(GUARDS, {
      description: "looks at the surprises' correlation one step on, or at the entropy of their ordinal patterns",
      fallback: "lag1",
    }),
    arsWindow: suppression(
      "arsWindow",
      `${PUBLISHED.memo.arsWindow}; paper with lag1: ${PUBLISHED.original.arsWindow}`,
      "surprises that the guard looks at",
    ),
    arsAlpha: suppression("arsAlpha", byVariant("arsAlpha"), "how fast the damping grows with the surprise"),
    arsPhiMin: suppression("arsPhiMin", byVariant("arsPhiMin"), "strongest damping"),
    arsJitter: suppression("arsJitter", byVariant("arsJitter"), "of the learning rate; paper: of the gradient"),
    arsThreshold: suppression(
      "arsThreshold",
      `paper: ${PUBLISHED.original.arsThreshold}, optimized: ${PUBLISHED.optimized.arsThreshold}, ` +
        `permutation: ${PUBLISHED.permutation.arsThreshold}`,
      "resonance above which the paper's guard alarms",
    ),
  }),
  ...grouped("Retention:", {
    retain: retention("retain", "weight of the penalty on leaving what mattered before; 0 is off"),
    retainGamma: retention("retainGamma", "weight of the penalty on leaving the subspace of recent updates; 0 is off"),
    retainAt: retention("retainAt", "optimizer steps before which the weights are held on to"),
    retainBatches: retention("retainBatches", "batches before that whose reviews tell what matters"),
    retainDirections: retention("retainDirections", "directions of that subspace"),
  }),
};

/** Options that switch an aid on. */
const SWITCHES: readonly (keyof typeof AID_OPTIONS)[] = ["sr", "ars", "retain", "retainGamma"];

type Choice = Pick<Resolved<typeof AID_OPTIONS>, "values" | "origins">;

/** The published numbers of the variant that is asked for, where no other values were given. */
export function aidDefaults({ values, origins }: Choice): Partial<Record<SuppressionNumber, number>> {
  if (values.ars === "off") return {};
  const numbers = suppressionDefaults(values.ars, values.arsPreset, values.arsGuard);
  const entries = Object.entries(numbers).filter(([key]) => origins[key as keyof typeof numbers] === "default");
  return Object.fromEntries(entries);
}

/** The aids that the options ask for. Throws UsageError when an option was given whose aid is off. */
export function aidsOf({ values, origins }: Choice): Aids {
  const { sr, ars, retain, retainGamma } = values;
  const retaining = retain > 0 || retainGamma > 0;
  const keys = aidKeys({ ...sr !== "off" && { sr }, ...ars !== "off" && { ars }, ...retaining && { retain } });
  const given = (Object.keys(AID_OPTIONS) as (keyof typeof AID_OPTIONS)[])
    .find((key) => !SWITCHES.includes(key) && isGiven(origins[key]) && !keys.includes(key));
  if (given !== undefined) {
    const needed = given.startsWith("sr")
      ? "--sr"
      : given.startsWith("retain")
      ? "--retain"
      : ars === "off"
      ? "--ars"
      : "--ars paper";
    throw new UsageError(
      `Cannot use --${kebabCase(given)} without ${needed}`,
      `Give ${needed} along with it, or leave it out.`,
    );
  }
  return Object.fromEntries(keys.map((key) => [key, values[key as keyof typeof AID_OPTIONS]]));
}
