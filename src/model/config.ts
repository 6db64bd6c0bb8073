import { UsageError } from "../errors.ts";
import { type Range, real, requireInRange, whole } from "./range.ts";

/**
 * When a token stops: `exit` freezes it and saves its work, `soft` keeps updating it (spec §1). `repeat-k` is the
 * control without halting: exactly `repeat` steps for every token, p_t = 0, r = 1, y = h^(k), KL 0, and no gradient
 * for the halting units.
 */
export const HALTING_MODES = ["exit", "soft", "repeat-k"] as const;
export type HaltingMode = typeof HALTING_MODES[number];

/** What is trained: the Epsilon model (spec §1) or the baseline with full attention (spec §4). */
export const MODELS = ["epsilon", "vanilla"] as const;
export type Model = typeof MODELS[number];

/**
 * Everything that determines a model's mathematics (spec §1–§2, §4); defaults are the paper's run (spec §3). A model
 * ignores the keys that do not bear on it (`applicableKeys`).
 */
export interface ModelConfig {
  readonly model: Model;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  /** d: features of a token's state. */
  readonly dModel: number;
  /** H: attention heads; divides `dModel`. */
  readonly numHeads: number;
  /** B: bins of the quantised attention. */
  readonly numBins: number;
  /** Hidden features of the FFN. */
  readonly ffnDim: number;
  /** L: most applications of the block; of the vanilla model, its blocks. */
  readonly maxLayers: number;
  readonly numClasses: number;
  /** α_res: weight of each residual branch. */
  readonly alphaRes: number;
  /** 1/g of the geometric prior over steps. */
  readonly targetHaltingMean: number;
  readonly klLossWeight: number;
  readonly entLossWeight: number;
  /** f: bins are renewed at steps t with t mod f = 0. */
  readonly binUpdateFrequency: number;
  readonly halting: HaltingMode;
  /** k: applications of the block in halting mode `repeat-k`, at most L; bears on no other mode. */
  readonly repeat: number;
  /** Probability of dropping a value in training. */
  readonly dropout: number;
  /** Tokens to which a review is cut, `[CLS]` and `[SEP]` included. */
  readonly maxSeqLength: number;
}

/** dlat: features in which a key is compared with the prototypes (spec §1). */
export const LATENT_SIZE = 8;

/** The paper's run (spec §3). */
export const PAPER_CONFIG: ModelConfig = {
  model: "epsilon",
  vocabSize: 30522,
  dModel: 12,
  numHeads: 2,
  numBins: 16,
  ffnDim: 72,
  maxLayers: 8,
  numClasses: 2,
  alphaRes: 0.25,
  targetHaltingMean: 3,
  klLossWeight: 0.015,
  entLossWeight: 0.005,
  binUpdateFrequency: 1,
  halting: "exit",
  repeat: 3,
  dropout: 0.1,
  maxSeqLength: 512,
};

/** Accepted values of each number in a `ModelConfig`. */
export const MODEL_RANGES: Readonly<Record<Exclude<keyof ModelConfig, "model" | "halting">, Range>> = {
  vocabSize: whole(1, 16_777_216),
  dModel: whole(2, 1024),
  numHeads: whole(1, 1024),
  numBins: whole(1, 4096),
  ffnDim: whole(1, 16_384),
  maxLayers: whole(1, 64),
  numClasses: whole(2, 1024),
  alphaRes: real(0, 100),
  targetHaltingMean: real(1, 1e6),
  klLossWeight: real(0, 1e6),
  entLossWeight: real(0, 1e6),
  binUpdateFrequency: whole(1, 64),
  repeat: whole(1, 64),
  dropout: real(0, 0.99),
  maxSeqLength: whole(2, 4_194_304),
};

/** Keys of bins, residual weight, halting and objective, which the vanilla model does not have (spec §4). */
const EPSILON_KEYS: ReadonlySet<keyof ModelConfig> = new Set<keyof ModelConfig>([
  "numBins",
  "alphaRes",
  "targetHaltingMean",
  "klLossWeight",
  "entLossWeight",
  "binUpdateFrequency",
  "halting",
  "repeat",
]);

/**
 * The keys that bear on the model that `config` describes, in the order of the interface: the others are ignored, and
 * neither written into files nor part of a run's name.
 */
export function applicableKeys({ model, halting }: Pick<ModelConfig, "model" | "halting">): (keyof ModelConfig)[] {
  const keys = Object.keys(PAPER_CONFIG) as (keyof ModelConfig)[];
  if (model === "vanilla") return keys.filter((key) => !EPSILON_KEYS.has(key));
  return keys.filter((key) => key !== "repeat" || halting === "repeat-k");
}

/** Most applications of the block to a token: k in halting mode `repeat-k`, else L. */
export function stepLimit({ model, halting, repeat, maxLayers }: ModelConfig): number {
  return model === "epsilon" && halting === "repeat-k" ? repeat : maxLayers;
}

/** A short name of the model's variant, for folders and runs: `epsilon-exit`, `epsilon-repeat-3`, `vanilla`. */
export function variantName({ model, halting, repeat }: Pick<ModelConfig, "model" | "halting" | "repeat">): string {
  if (model === "vanilla") return model;
  return `${model}-${halting === "repeat-k" ? `repeat-${repeat}` : halting}`;
}

/** `config` without the keys that do not bear on its model: the form in which files hold it. */
export function applicableConfig(config: ModelConfig): Partial<ModelConfig> {
  return Object.fromEntries(applicableKeys(config).map((key) => [key, config[key]]));
}

/** `config` with the keys that do not bear on its model at the paper's values: as it comes back from a file. */
export function canonicalConfig(config: ModelConfig): ModelConfig {
  return { ...PAPER_CONFIG, ...applicableConfig(config) };
}

/**
 * Returns `config` unchanged; throws UsageError when a value is out of range, the heads do not divide d or `repeat-k`
 * asks for more steps than the model has.
 */
export function validateModelConfig(config: ModelConfig): ModelConfig {
  for (const [key, range] of Object.entries(MODEL_RANGES)) {
    requireInRange(key, config[key as keyof typeof MODEL_RANGES], range);
  }
  if (config.dModel % config.numHeads !== 0) {
    throw new UsageError(
      `Cannot split the state into heads: dModel ${config.dModel}, numHeads ${config.numHeads}`,
      "Choose a number of heads that divides dModel.",
    );
  }
  if (config.model === "epsilon" && config.halting === "repeat-k" && config.repeat > config.maxLayers) {
    throw new UsageError(
      `Cannot apply the block ${config.repeat} times: repeat ${config.repeat}, maxLayers ${config.maxLayers}`,
      "Lower repeat or raise maxLayers.",
    );
  }
  return config;
}
