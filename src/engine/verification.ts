import type { PackedBatch } from "../data/packed_batch.ts";
import type { ModelConfig } from "../model/config.ts";
import {
  type EpsilonGolden,
  type Golden,
  type GoldenLosses,
  type GoldenOptimizer,
  norm,
  tensorError,
  type TrajectoryGolden,
  valueError,
  type VanillaGolden,
} from "../model/golden.ts";
import { tensorTable, tensorView, type Weights } from "../model/tensors.ts";
import type { Engine, Losses, SequenceTrace } from "./engine.ts";

/** Largest accepted error (spec §6) of each kind of arithmetic; float16 stands for storage in it alone. */
export const TOLERANCES = { float64: 1e-9, float32: 1e-4, float16: 2e-2 } as const;

/** A halting decision this close to its threshold may fall either way, or within a tenth of the tolerance if that is more. */
const TIE = 1e-5;

/** A token halts when its remainder is at or below this (spec §1). */
const SPENT_REMAINDER = 1e-6;

/** How well one tensor or quantity of a golden file was reproduced. */
export interface VerificationRow {
  /** The golden file. */
  readonly file: string;
  /** For example `logits`, `gradient epsilon_block.norm1.gamma`, `losses.kl`. */
  readonly quantity: string;
  /** Worst error in the measure of spec §6; for halting steps, the number of tokens that differ without a tie. */
  readonly error: number;
  readonly tolerance: number;
  readonly pass: boolean;
}

/** Makes an engine for a model; the caller closes it. */
export type CreateEngine = (config: ModelConfig) => Promise<Engine>;

export interface VerificationOptions {
  readonly tolerance: number;
  /** The program's own schedule, compared with the golden learning rates when given. `step` counts from 0. */
  readonly learningRate?: (step: number, optimizer: GoldenOptimizer) => number;
}

class Rows {
  readonly rows: VerificationRow[] = [];

  constructor(readonly file: string, readonly tolerance: number) {}

  add(quantity: string, error: number, tolerance = this.tolerance): void {
    this.rows.push({ file: this.file, quantity, error, tolerance, pass: error <= tolerance });
  }
}

function packGolden({ sequences, labels }: Golden): PackedBatch {
  const offsets = new Uint32Array(sequences.length + 1);
  sequences.forEach((ids, s) => offsets[s + 1] = offsets[s] + ids.length);
  const tokens = new Int32Array(offsets[sequences.length]);
  sequences.forEach((ids, s) => tokens.set(ids, offsets[s]));
  return { tokens, offsets, labels };
}

/** Worst error over the sequences of one kind of tensor. */
function worstOf(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  const kindNorm = norm(...expected);
  const errors = expected.map((tensor, s) => tensorError(actual[s] ?? [], tensor, kindNorm));
  return errors.reduce((worst, error) => Math.max(worst, error), 0);
}

function lossErrors(
  { loss, taskLoss, klLoss, entropyLoss }: Losses,
  { total, task, kl, entropy }: GoldenLosses,
): GoldenLosses {
  return {
    total: valueError(loss, total),
    task: valueError(taskLoss, task),
    kl: valueError(klLoss, kl),
    entropy: valueError(entropyLoss, entropy),
  };
}

const LOSS_NAMES = ["total", "task", "kl", "entropy"] as const;

/** The remainder of token i after `steps` steps, from its probabilities [n × L]. */
function remainderAfter(probabilities: ArrayLike<number>, maxLayers: number, i: number, steps: number): number {
  let remainder = 1;
  for (let t = 0; t < steps; t++) remainder -= probabilities[i * maxLayers + t];
  return remainder;
}

/**
 * Tokens whose step count differs, except ties: where one of the two halted and the other went on with a remainder
 * closer to the threshold than a tie.
 */
function haltingFaults(
  traces: readonly SequenceTrace[],
  { config, expected }: EpsilonGolden,
  tolerance: number,
): number {
  const tie = Math.max(TIE, tolerance / 10);
  let faults = 0;
  expected.haltingSteps.forEach((wanted, s) => {
    const { haltingSteps: found, stepProbabilities } = traces[s];
    for (let i = 0; i < wanted.length; i++) {
      if (found[i] === wanted[i]) continue;
      const wentOn = found[i] > wanted[i] ? stepProbabilities : expected.stepProbabilities[s];
      const remainder = remainderAfter(wentOn, config.maxLayers, i, Math.min(found[i], wanted[i]));
      if (!(Math.abs(remainder - SPENT_REMAINDER) <= tie)) faults++;
    }
  });
  return faults;
}

type TracedTensor = "stepProbabilities" | "binAssignmentStep0" | "attentionStep0" | "stateStep0";

async function verifyForward(golden: EpsilonGolden, engine: Engine, batch: PackedBatch, rows: Rows): Promise<Losses> {
  const { expected, klScale } = golden;
  const everything = await engine.predict(batch, { want: "everything", klScale });
  const logitsOnly = await engine.predict(batch, { want: "logits", klScale });
  const traces = await engine.trace(batch);
  rows.add("logits", worstOf([everything.logits, logitsOnly.logits], [expected.logits, expected.logits]));
  const compare = (quantity: string, key: TracedTensor, tensors: readonly ArrayLike<number>[]) =>
    rows.add(quantity, worstOf(traces.map((trace) => trace[key]), tensors));
  compare("step_probabilities", "stepProbabilities", expected.stepProbabilities);
  rows.add("halting_steps", haltingFaults(traces, golden, rows.tolerance), 0);
  compare("bin_assignment_step0", "binAssignmentStep0", expected.binAssignmentStep0);
  compare("attention_step0", "attentionStep0", expected.attentionStep0);
  compare("state_step0", "stateStep0", expected.stateStep0);
  const missing = { loss: NaN, taskLoss: NaN, klLoss: NaN, entropyLoss: NaN };
  return everything.losses ?? missing;
}

async function verifyEpsilon(golden: EpsilonGolden, engine: Engine, rows: Rows): Promise<void> {
  const { config, expected, klScale, noise } = golden;
  const batch = packGolden(golden);
  const quiet = await verifyForward(golden, engine, batch, rows);
  const result = await engine.gradient(batch, { klScale, dropout: 0, seed: noise?.seed ?? 0, noise });
  const trained = lossErrors(result, expected.losses);
  const predicted = noise === undefined ? lossErrors(quiet, expected.losses) : trained;
  for (const name of LOSS_NAMES) rows.add(`losses.${name}`, Math.max(predicted[name], trained[name]));
  verifyGradients(result.gradient, expected.gradients, config, rows);
}

function verifyGradients(
  found: Float32Array | Float64Array,
  wanted: Float64Array,
  config: ModelConfig,
  rows: Rows,
): void {
  const total = norm(wanted);
  for (const { name, offset, size } of tensorTable(config).parameters) {
    const [own, expected] = [found, wanted].map((slab) => slab.subarray(offset, offset + size));
    rows.add(`gradient ${name}`, tensorError(own, expected, total));
  }
}

/** Of the baseline the files hold logits, the task loss, which is its whole objective, and gradients (spec §4). */
async function verifyVanilla(golden: VanillaGolden, engine: Engine, rows: Rows): Promise<void> {
  const { config, expected } = golden;
  const batch = packGolden(golden);
  const everything = await engine.predict(batch, { want: "everything", klScale: 1 });
  const logitsOnly = await engine.predict(batch, { want: "logits", klScale: 1 });
  rows.add("logits", worstOf([everything.logits, logitsOnly.logits], [expected.logits, expected.logits]));
  const result = await engine.gradient(batch, { klScale: 1, dropout: 0, seed: 0 });
  const losses = [everything.losses?.loss, everything.losses?.taskLoss, result.loss, result.taskLoss];
  rows.add("losses.task", Math.max(...losses.map((loss) => valueError(loss ?? NaN, expected.task))));
  verifyGradients(result.gradient, expected.gradients, config, rows);
}

function verifyWeights(found: Weights, wanted: Weights, config: ModelConfig, rows: Rows): void {
  const { parameters, buffers } = tensorTable(config);
  for (const specs of [parameters, buffers]) {
    const tensors = specs.map((spec) => tensorView(wanted, spec));
    const total = norm(...tensors);
    specs.forEach((spec, e) => rows.add(`final ${spec.name}`, tensorError(tensorView(found, spec), tensors[e], total)));
  }
}

async function verifyTrajectory(
  golden: TrajectoryGolden,
  engine: Engine,
  rows: Rows,
  learningRate: VerificationOptions["learningRate"],
): Promise<void> {
  const { config, klScale, optimizer, steps } = golden;
  const batch = packGolden(golden);
  const worst = { total: 0, task: 0, kl: 0, entropy: 0, gradNorm: 0, learningRate: 0 };
  const raise = (key: keyof typeof worst, error: number) => worst[key] = Math.max(worst[key], error);
  for (const [index, step] of steps.entries()) {
    const settings = { ...optimizer, klScale, dropout: 0, seed: 0, learningRate: step.learningRate };
    const result = await engine.trainStep(batch, settings);
    const errors = lossErrors(result, step.losses);
    for (const name of LOSS_NAMES) raise(name, errors[name]);
    raise("gradNorm", result.updated ? valueError(result.gradNorm, step.gradNorm) : Infinity);
    if (learningRate) raise("learningRate", valueError(learningRate(index, optimizer), step.learningRate));
  }
  for (const name of LOSS_NAMES) rows.add(`steps ${name}`, worst[name]);
  rows.add("steps grad_norm", worst.gradNorm);
  if (learningRate) rows.add("steps lr", worst.learningRate, TOLERANCES.float64);
  verifyWeights((await engine.download()).weights, golden.finalWeights, config, rows);
}

/**
 * Computes a golden file's values with the engine that `createEngine` makes, and compares them (spec §6): forward pass,
 * losses and every gradient, or each step of a trajectory and the final weights. The engine is closed at the end.
 */
export async function verifyGolden(
  golden: Golden,
  createEngine: CreateEngine,
  { tolerance, learningRate }: VerificationOptions,
): Promise<VerificationRow[]> {
  const rows = new Rows(golden.file, tolerance);
  const engine = await createEngine(golden.config);
  try {
    await engine.upload({ weights: golden.weights });
    if (golden.kind === "epsilon") await verifyEpsilon(golden, engine, rows);
    else if (golden.kind === "vanilla") await verifyVanilla(golden, engine, rows);
    else await verifyTrajectory(golden, engine, rows, learningRate);
  } finally {
    await engine.close();
  }
  return rows.rows;
}
