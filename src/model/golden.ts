import { UsageError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { HALTING_MODES, type Model, type ModelConfig, PAPER_CONFIG, validateModelConfig } from "./config.ts";
import { square } from "./elementary.ts";
import { JsonPlace } from "./json_place.ts";
import { NOISE_SITES, type NoiseSettings } from "./noise.ts";
import { type TensorSpec, tensorTable, tensorView, type Weights } from "./tensors.ts";

/** Expected losses of one batch, natural logarithms; `kl` is already multiplied by the scale (spec §6). */
export interface GoldenLosses {
  readonly total: number;
  readonly task: number;
  readonly kl: number;
  readonly entropy: number;
}

interface GoldenModel {
  /** Name of the file, for messages. */
  readonly file: string;
  readonly config: ModelConfig;
  readonly klScale: number;
  readonly weights: Weights<Float64Array>;
  /** Token ids of each sequence. */
  readonly sequences: readonly Int32Array[];
  /** [sequences] */
  readonly labels: Uint8Array;
}

/** Noise on the states of a golden training pass, with the seed that draws it at optimizer step 0. */
export interface GoldenNoise extends NoiseSettings {
  readonly seed: number;
}

/** What one forward and backward pass must give (spec §6); lists hold one entry a sequence. */
export interface EpsilonGolden extends GoldenModel {
  readonly kind: "epsilon";
  /** When given, losses and gradients are those of a pass with it; everything else is of one without. */
  readonly noise?: GoldenNoise;
  readonly expected: {
    /** [sequences × classes] */
    readonly logits: Float64Array;
    /** p_t [n × L] */
    readonly stepProbabilities: readonly Float64Array[];
    /** [n] */
    readonly haltingSteps: readonly Uint8Array[];
    /** a [H × n × B] */
    readonly binAssignmentStep0: readonly Float64Array[];
    /** w [H × n × B] */
    readonly attentionStep0: readonly Float64Array[];
    /** h [n × d] */
    readonly stateStep0: readonly Float64Array[];
    readonly losses: GoldenLosses;
    /** Slab in the order of the tensor table [parameters]. */
    readonly gradients: Float64Array;
  };
}

/** What one optimizer step of a trajectory must report. */
export interface GoldenStep {
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly losses: GoldenLosses;
}

/** The recipe of a trajectory; its learning rates stand in its steps. */
export interface GoldenOptimizer {
  /** Peak of the schedule. */
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipGradNorm: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/** What a few optimizer steps on one batch must give (spec §6). */
export interface TrajectoryGolden extends GoldenModel {
  readonly kind: "trajectory";
  readonly optimizer: GoldenOptimizer;
  readonly steps: readonly GoldenStep[];
  readonly finalWeights: Weights<Float64Array>;
}

/** What one forward and backward pass of the baseline of spec §4 must give. */
export interface VanillaGolden extends Omit<GoldenModel, "klScale"> {
  readonly kind: "vanilla";
  readonly expected: {
    /** [sequences × classes] */
    readonly logits: Float64Array;
    /** Mean cross-entropy over the sequences. */
    readonly task: number;
    /** Slab in the order of the tensor table [parameters]. */
    readonly gradients: Float64Array;
  };
}

export type Golden = EpsilonGolden | TrajectoryGolden | VanillaGolden;

function readConfig(top: JsonPlace, model: Model, longest: number): ModelConfig {
  const place = top.key("config");
  const number = (key: string) => place.key(key).number();
  const vanilla = model === "vanilla";
  const config: ModelConfig = {
    ...PAPER_CONFIG,
    model,
    vocabSize: number("vocab_size"),
    dModel: number("d_model"),
    numHeads: number("num_heads"),
    ffnDim: number("ffn_dim"),
    maxLayers: number(vanilla ? "num_layers" : "max_layers"),
    numClasses: number("num_classes"),
    dropout: 0,
    maxSeqLength: Math.max(2, longest),
    ...vanilla ? {} : readEpsilonConfig(top, number),
  };
  try {
    return validateModelConfig(config);
  } catch (error) {
    if (error instanceof UsageError) throw place.fault(`${error.message}: ${error.hint}`);
    throw error;
  }
}

/** The keys that only the Epsilon model has. */
function readEpsilonConfig(top: JsonPlace, number: (key: string) => number): Partial<ModelConfig> {
  return {
    numBins: number("num_bins"),
    alphaRes: number("alpha_res"),
    targetHaltingMean: number("target_halting_mean"),
    klLossWeight: number("kl_loss_weight"),
    entLossWeight: number("ent_loss_weight"),
    binUpdateFrequency: number("bin_update_frequency"),
    ...readHalting(top, number),
  };
}

/** The mode, and k where no token halts. */
function readHalting(top: JsonPlace, number: (key: string) => number): Partial<ModelConfig> {
  const halting = top.key("halting").choice(HALTING_MODES);
  return { halting, ...halting === "repeat-k" ? { repeat: number("repeat") } : {} };
}

/** One slab of named tensors; every tensor of `specs` must be there with its shape. */
function readSlab(place: JsonPlace, specs: readonly TensorSpec[]): Float64Array {
  const tensors = specs.map((spec) => ({ spec, values: place.key(spec.name).tensor(spec.shape) }));
  const slab = new Float64Array(specs.reduce((sum, spec) => sum + spec.size, 0));
  for (const { spec, values } of tensors) {
    tensorView({ parameters: slab, buffers: slab }, spec).set(values);
  }
  return slab;
}

function rejectOthers(place: JsonPlace, known: ReadonlyMap<string, TensorSpec>): void {
  for (const name of place.keys()) {
    if (!known.has(name)) throw place.key(name).fault("the model has no such tensor");
  }
}

function readWeights(place: JsonPlace, config: ModelConfig): Weights<Float64Array> {
  const table = tensorTable(config);
  rejectOthers(place, table.byName);
  return { parameters: readSlab(place, table.parameters), buffers: readSlab(place, table.buffers) };
}

function readModel(top: JsonPlace, model: Model): Omit<GoldenModel, "klScale"> {
  const rows = top.key("input_ids").list();
  if (rows.length === 0) throw top.key("input_ids").fault("wanted at least one sequence");
  const longest = rows.reduce((most, row) => Math.max(most, row.list().length), 0);
  const config = readConfig(top, model, longest);
  const sequences = rows.map((row) => {
    const ids = row.list();
    if (ids.length === 0) throw row.fault("wanted at least one token");
    return Int32Array.from(ids, (id) => id.integer(0, config.vocabSize - 1));
  });
  const labels = top.key("labels").list(rows.length);
  return {
    file: top.file,
    config,
    weights: readWeights(top.key("params"), config),
    sequences,
    labels: Uint8Array.from(labels, (label) => label.integer(0, Math.min(config.numClasses, 256) - 1)),
  };
}

function readScaledModel(top: JsonPlace): GoldenModel {
  return { ...readModel(top, "epsilon"), klScale: top.key("kl_scale").number() };
}

function readLosses(place: JsonPlace): GoldenLosses {
  const number = (key: string) => place.key(key).number();
  return { total: number("total"), task: number("task"), kl: number("kl"), entropy: number("entropy") };
}

function readNoise(top: JsonPlace): { readonly noise?: GoldenNoise } {
  if (!top.keys().includes("noise")) return {};
  const place = top.key("noise");
  const site = place.key("site").choice(NOISE_SITES);
  const gain = place.key("gain").number();
  if (gain <= 0) throw place.key("gain").fault(`wanted a number above 0, found ${gain}`);
  return { noise: { site, gain, seed: place.key("seed").integer(0, 0xffffffff) } };
}

function readEpsilon(top: JsonPlace): EpsilonGolden {
  const model = { ...readScaledModel(top), ...readNoise(top) };
  const { dModel: d, numHeads: H, numBins: B, maxLayers: L, numClasses } = model.config;
  const { sequences, config } = model;
  const expected = top.key("expected");
  const tensors = (key: string, shape: (n: number) => number[]) =>
    expected.key(key).list(sequences.length).map((place, s) => place.tensor(shape(sequences[s].length)));
  const table = tensorTable(config);
  const gradients = expected.key("gradients");
  rejectOthers(gradients, table.byName);
  return {
    ...model,
    kind: "epsilon",
    expected: {
      logits: expected.key("logits").tensor([sequences.length, numClasses]),
      stepProbabilities: tensors("step_probabilities", (n) => [n, L]),
      haltingSteps: expected.key("halting_steps").list(sequences.length).map((place, s) =>
        Uint8Array.from(place.list(sequences[s].length), (steps) => steps.integer(1, L))
      ),
      binAssignmentStep0: tensors("bin_assignment_step0", (n) => [H, n, B]),
      attentionStep0: tensors("attention_step0", (n) => [H, n, B]),
      stateStep0: tensors("state_step0", (n) => [n, d]),
      losses: readLosses(expected.key("losses")),
      gradients: readSlab(gradients, table.parameters),
    },
  };
}

function readVanilla(top: JsonPlace): VanillaGolden {
  const model = readModel(top, "vanilla");
  const table = tensorTable(model.config);
  const expected = top.key("expected");
  const gradients = expected.key("gradients");
  rejectOthers(gradients, table.byName);
  return {
    ...model,
    kind: "vanilla",
    expected: {
      logits: expected.key("logits").tensor([model.sequences.length, model.config.numClasses]),
      task: expected.key("losses").key("task").number(),
      gradients: readSlab(gradients, table.parameters),
    },
  };
}

function readTrajectory(top: JsonPlace): TrajectoryGolden {
  const model = readScaledModel(top);
  const optimizer = top.key("optimizer");
  optimizer.key("name").choice(["adamw"]);
  const number = (key: string) => optimizer.key(key).number();
  const steps = top.key("expected").key("steps").list();
  if (steps.length === 0) throw top.key("expected").key("steps").fault("wanted at least one step");
  return {
    ...model,
    kind: "trajectory",
    optimizer: {
      learningRate: number("lr"),
      beta1: number("beta1"),
      beta2: number("beta2"),
      epsilon: number("eps"),
      weightDecay: number("weight_decay"),
      clipGradNorm: number("clip_grad_norm"),
      warmupSteps: number("warmup_steps"),
      totalSteps: number("total_steps"),
    },
    steps: steps.map((step, index) => {
      step.key("step").integer(index, index);
      return {
        learningRate: step.key("lr").number(),
        gradNorm: step.key("grad_norm").number(),
        losses: readLosses(step),
      };
    }),
    finalWeights: readWeights(top.key("expected").key("final_params"), model.config),
  };
}

/** A golden file's content (spec §6). Throws DataError naming `file` and the place when anything is not as it must be. */
export function parseGolden(text: string, file: string): Golden {
  const top = JsonPlace.parse(text, file);
  switch (top.key("kind").choice(["epsilon", "trajectory", "vanilla"])) {
    case "epsilon":
      return readEpsilon(top);
    case "trajectory":
      return readTrajectory(top);
    case "vanilla":
      return readVanilla(top);
  }
}

/** Reads a golden file; throws DataError when it cannot be read or is broken. */
export async function readGolden(path: string): Promise<Golden> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("Cannot read", path, error);
  }
  return parseGolden(text, path);
}

/** Paths of the `.json` files in `folder`, sorted; throws DataError when it cannot be read. */
export async function goldenPaths(folder: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.name.endsWith(".json") && !entry.isDirectory) paths.push(`${folder}/${entry.name}`);
    }
  } catch (error) {
    throw fileError("Cannot read", folder, error);
  }
  return paths.sort();
}

function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let squares = 0;
  for (let e = 0; e < expected.length; e++) squares += square(actual[e] - expected[e]);
  return Math.sqrt(squares);
}

/** Euclidean norm of all elements of `tensors` together. */
export function norm(...tensors: readonly ArrayLike<number>[]): number {
  let squares = 0;
  for (const tensor of tensors) {
    for (let e = 0; e < tensor.length; e++) squares += square(tensor[e]);
  }
  return Math.sqrt(squares);
}

/**
 * Error of a tensor, ‖x − x*‖ / max(‖x*‖, 1e-3 · G) with `kindNorm` = G, the norm of all tensors of its kind together
 * (spec §6). Infinite when the lengths differ or a value is not finite; where all expected values of the kind are
 * zero, the plain norm of the difference.
 */
export function tensorError(actual: ArrayLike<number>, expected: ArrayLike<number>, kindNorm: number): number {
  if (actual.length !== expected.length) return Infinity;
  const error = distance(actual, expected) / (Math.max(norm(expected), 1e-3 * kindNorm) || 1);
  return Number.isFinite(error) ? error : Infinity;
}

/** Relative error of a single value (spec §6); absolute where zero is expected, infinite when `actual` is not finite. */
export function valueError(actual: number, expected: number): number {
  return tensorError([actual], [expected], 0);
}
