import { INSTRUMENT_NAMES } from "../diagnose/instruments/instruments.ts";
import { NUMERICS } from "../engine/numerics.ts";
import { PRECISIONS } from "../engine/precision.ts";
import { ADAPTERS, DEVICES } from "../engine/open_engine.ts";
import { HALTING_MODES, MODEL_RANGES, MODELS, PAPER_CONFIG } from "../model/config.ts";
import { whole } from "../model/range.ts";
import { PAPER_RECIPES, type RecipeNumber, TRAIN_RANGES } from "../train/config.ts";
import { choiceOption, grouped, numberOption, switchOption, textOption } from "./option.ts";

const model = (
  key: Exclude<keyof typeof MODEL_RANGES, "vocabSize" | "numClasses">,
  description: string,
) => numberOption({ description, fallback: PAPER_CONFIG[key], range: MODEL_RANGES[key] });

const recipe = (key: RecipeNumber, description: string) => {
  const fallback = PAPER_RECIPES.epsilon[key];
  const baseline = PAPER_RECIPES.vanilla[key];
  const shownDefault = baseline === fallback ? String(fallback) : `${fallback}; vanilla: ${baseline}`;
  return numberOption({ description, fallback, shownDefault, range: TRAIN_RANGES[key] });
};

/** Sizes and objective of the model; the defaults are the paper's (spec §3). */
export const MODEL_OPTIONS = grouped("Model:", {
  model: choiceOption(MODELS, {
    description: "model to train; vanilla is the baseline with full attention",
    fallback: PAPER_CONFIG.model,
  }),
  dModel: model("dModel", "features of a token's state"),
  numHeads: model("numHeads", "attention heads; divides d-model"),
  ffnDim: model("ffnDim", "hidden features of the feed-forward network"),
  maxLayers: model("maxLayers", "most applications of the block; blocks of the vanilla model"),
  numBins: model("numBins", "bins of the quantised attention"),
  alphaRes: model("alphaRes", "weight of each residual branch"),
  dropout: model("dropout", "probability of dropping a value in training"),
  targetHaltingMean: model("targetHaltingMean", "mean of the geometric prior over steps"),
  klLossWeight: model("klLossWeight", "weight of the KL divergence from that prior"),
  entLossWeight: model("entLossWeight", "weight of the bins' entropy"),
  binUpdateFrequency: model("binUpdateFrequency", "steps between two renewals of the bins"),
  maxSeqLength: model("maxSeqLength", "tokens to which a review is cut"),
  halting: choiceOption(HALTING_MODES, {
    description: "exit freezes a halted token and saves its work; soft updates it on; repeat-k never halts",
    fallback: PAPER_CONFIG.halting,
  }),
  repeat: model("repeat", "applications of the block in halting mode repeat-k"),
});

/** The recipe of a training run; the defaults are the paper's (spec §3). */
export const RECIPE_OPTIONS = grouped("Training:", {
  epochs: recipe("epochs", "passes over the training reviews"),
  batchSize: recipe("batchSize", "reviews in an optimizer step"),
  learningRate: recipe("learningRate", "peak learning rate"),
  weightDecay: recipe("weightDecay", "AdamW's decoupled decay"),
  clipGradNorm: recipe("clipGradNorm", "largest gradient norm; 0 switches clipping off"),
  warmupSteps: recipe("warmupSteps", "steps of the linear warm-up"),
  seed: recipe("seed", "seed of the weights, the split, the order and dropout"),
  validationShare: recipe("validationShare", "share of the reviews held out for validation"),
  limitBatches: recipe("limitBatches", "most training batches an epoch; 0 means all"),
  patience: recipe("patience", "epochs without a better accuracy before stopping; 0 means never"),
  logEvery: recipe("logEvery", "optimizer steps between two step rows"),
  checkpointEvery: recipe("checkpointEvery", "steps between checkpoints within an epoch; 0 saves at epoch ends"),
});

/** Which reviews, and how they become tokens. */
export const DATA_OPTIONS = grouped("Data:", {
  data: textOption({
    placeholder: "path",
    description: "review folder, its .tar.gz, or a CSV, TSV or JSONL file",
    shownDefault: "the fetched reviews, else the built-in sample",
  }),
  textColumn: textOption({
    placeholder: "name",
    description: "column or key that holds the text",
    shownDefault: "found by its name",
  }),
  labelColumn: textOption({
    placeholder: "name",
    description: "column or key that holds the label",
    shownDefault: "found by its name",
  }),
  vocabulary: textOption({
    placeholder: "file",
    description: "vocab.txt or tokenizer.json",
    shownDefault: "the uncased BERT vocabulary",
  }),
});

const MOST_THREADS = 1024;

/** Where the numbers are computed. */
export const DEVICE_OPTIONS = grouped("Device:", {
  device: choiceOption(DEVICES, {
    description: "back end; reference is the slow float64 definition",
    fallback: "auto",
  }),
  threads: numberOption({
    description: "worker threads; 0 means one a core",
    fallback: 0,
    range: whole(0, MOST_THREADS),
  }),
  adapter: choiceOption(ADAPTERS, {
    description: "GPU to take where there are several",
    fallback: "high-performance",
  }),
  numerics: choiceOption(NUMERICS, {
    description: "fast, or strict: the same bytes on every processor",
    fallback: "fast",
  }),
  precision: choiceOption(PRECISIONS, {
    description: "f32, or f16: a GPU keeps activations and weights in half precision",
    fallback: "f32",
  }),
});

/** The words that `--instruments` takes. */
const INSTRUMENT_WORDS = ["all", ...INSTRUMENT_NAMES];

/** Which instruments are read; `shownDefault` says what happens when none are named. */
export function instrumentsOption(description: string, shownDefault: string) {
  return {
    instruments: textOption({
      placeholder: "list",
      description: `${description}: ${INSTRUMENT_WORDS.join(", ")}`,
      words: INSTRUMENT_WORDS,
      shownDefault,
    }),
  };
}

/** Results as JSON instead of text for people. */
export const JSON_OPTION = { json: switchOption({ description: "print the result as JSON" }) };

/** How a long command tells where it stands. */
export const PROGRESS_OPTION = {
  progress: choiceOption(["auto", "plain", "json", "off"], {
    description: "progress on standard error",
    fallback: "auto",
  }),
};
