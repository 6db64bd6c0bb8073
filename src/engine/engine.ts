import type { PackedBatch } from "../data/packed_batch.ts";
import type { NoiseSettings } from "../model/noise.ts";
import type { ModelState } from "../model/state.ts";

/** What the objective needs beside the batch (spec §2). */
export interface ObjectiveSettings {
  /** Factor of the KL term, 0.1 … 1. */
  readonly klScale: number;
  /** Probability of dropping a value; 0 for verification. */
  readonly dropout: number;
  /** Seed of the dropout masks and of the noise. */
  readonly seed: number;
  /** Noise on the states; none when absent. */
  readonly noise?: NoiseSettings;
}

/** What one optimizer step needs beside the batch (spec §2). */
export interface StepSettings extends ObjectiveSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly clipGradNorm: number;
}

/** What AdamW takes in one step in place of its settings, and what happens to the clipped gradient before. */
export interface StepAdjustment extends Pick<StepSettings, "learningRate" | "beta1" | "beta2"> {
  /** Standard deviation of the normal noise that each value of the clipped gradient gets; 0 adds none. */
  readonly gradientNoise: number;
  /** Factor of the gradient behind that. */
  readonly gradientFactor: number;
}

/** Values in the order of the tensor table [parameters]. */
export type ParameterSlab = Float32Array | Float64Array;

/** How training aids reach into one optimizer step, in the order of the calls. */
export interface StepAid {
  /** Adds the gradient of a penalty to that of the objective, before its norm is taken; writes to `gradient` alone. */
  readonly penalize?: (parameters: ParameterSlab, gradient: ParameterSlab) => void;
  /**
   * The adjustment of a step whose losses and gradient are finite, between clipping and AdamW. AdamW's bias corrections
   * are those of the step's own β, 1 − βᵗ, as in PyTorch, which knows no earlier ones.
   */
  readonly adjust?: (losses: Losses) => StepAdjustment;
  /** Sees the weights behind an update. */
  readonly updated?: (parameters: ParameterSlab) => void;
}

/** What one training step is given. */
export interface TrainingStep {
  readonly batch: PackedBatch;
  readonly settings: StepSettings;
  readonly aid?: StepAid;
}

/** The objective over one batch (spec §2), natural logarithms. */
export interface Losses {
  /** CE + klLossWeight · KL + entLossWeight · E. */
  readonly loss: number;
  /** Mean cross-entropy over the sequences. */
  readonly taskLoss: number;
  /** Mean over all tokens, already multiplied by klScale. */
  readonly klLoss: number;
  /** Mean over all tokens and heads of −H(first assignments). */
  readonly entropyLoss: number;
}

/** What a training step reports. */
export interface StepResult extends Losses {
  /** Global gradient norm before clipping. */
  readonly gradNorm: number;
  /** False when loss or gradient norm is not finite: then nothing was changed but u and v. */
  readonly updated: boolean;
  /** Sequences whose largest logit is their label's. */
  readonly correct: number;
  /** Sum of the tokens' block applications. */
  readonly tokenSteps: number;
  /** Standard deviation of the noise on the states, root mean square over tokens and steps; 0 without noise. */
  readonly noiseLevel: number;
}

/** Losses with the gradient of `loss` for every parameter, without an update and without a power iteration. */
export interface GradientResult extends Losses {
  /** Gradient slab in the order of the tensor table [parameters]. */
  readonly gradient: Float32Array | Float64Array;
}

export interface PredictSettings {
  /**
   * `logits` may end a sequence once its `[CLS]` has halted (in `exit` mode), so that losses are NaN and steps cover
   * only what ran; `everything` runs every token to its end.
   */
  readonly want: "logits" | "everything";
  readonly klScale: number;
  /**
   * θ: a token halts once 1 − r ≥ θ, from 1e-6 to 1; 1 − 1e-6 when absent and at most. What remains still goes to its
   * last state. Bears on the modes that halt only. Throws UsageError out of that range.
   */
  readonly haltThreshold?: number;
}

/** What inference returns; per-token arrays lie as the batch's tokens. */
export interface Prediction {
  /** logits [sequences × classes], natural-log units. */
  readonly logits: Float32Array | Float64Array;
  /** Block applications of each token [tokens]; after an early end, those run so far. */
  readonly haltingSteps: Uint8Array;
  /** Present when everything was asked. */
  readonly losses?: Losses;
}

/** Intermediate values of one sequence, for verification and diagnosis. */
export interface SequenceTrace {
  /** p_t of each token [n × L]. */
  readonly stepProbabilities: Float32Array | Float64Array;
  /** Block applications of each token [n]. */
  readonly haltingSteps: Uint8Array;
  /** a of the first step [H × n × B]. */
  readonly binAssignmentStep0: Float32Array | Float64Array;
  /** w of the first step, before dropout [H × n × B]. */
  readonly attentionStep0: Float32Array | Float64Array;
  /** h after the first step [n × d]. */
  readonly stateStep0: Float32Array | Float64Array;
  /** h⁰ and h after each step that ran [n × d]; a halted token keeps its state in `exit` mode. */
  readonly states: readonly (Float32Array | Float64Array)[];
  /** a of each step that ran, as its bins hold them: those of the last renewal [H × n × B]. */
  readonly assignments: readonly (Float32Array | Float64Array)[];
  /** w of each step that ran, before dropout; zero for tokens that the step does not update [H × n × B]. */
  readonly attention: readonly (Float32Array | Float64Array)[];
}

export type EngineKind = "reference" | "cpu" | "gpu";

/**
 * A back end: few, fat operations over whole batches. One call at a time; all calls of one engine see the same state.
 * Every method throws RunError when the back end dies, and DataError when a token id is outside the vocabulary or a
 * label outside the classes.
 */
export interface Engine {
  readonly kind: EngineKind;
  /** One line for people: device, instruction set, threads. */
  readonly description: string;
  /**
   * How it rounds: engines that say the same give the same bytes, on whatever machine (`float64`, `float32 rounded`,
   * `float32 fused`, or a GPU by its name).
   */
  readonly arithmetic: string;
  /** Replaces weights and optimizer state; without `optimizer` the moments become zero at step 0. */
  upload(state: ModelState): Promise<void>;
  /** Copies of weights and optimizer state as they are now. */
  download(): Promise<Required<ModelState>>;
  /** One optimizer step: power iteration, forward, backward, clipping, AdamW (spec §2). */
  trainStep(batch: PackedBatch, settings: StepSettings, aid?: StepAid): Promise<StepResult>;
  /**
   * `trainStep` for each of `steps` in turn, up to the first that does not update: the results so far, that one included.
   * There only where it saves time to hand over several steps at once; `trainSteps` of train_steps.ts serves any engine.
   */
  trainSteps?(steps: readonly TrainingStep[]): Promise<StepResult[]>;
  /** Losses and gradient at the present weights; changes nothing. */
  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult>;
  /** Logits and depth without dropout. */
  predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction>;
  /**
   * `predict` of each of `batches`, in their order. There only where it saves time to hand over several batches at once;
   * `predictBatches` of predict_batches.ts serves any engine.
   */
  predictBatches?(batches: readonly PackedBatch[], settings: PredictSettings): Promise<Prediction[]>;
  /** Intermediate values of every sequence, without dropout. */
  trace(batch: PackedBatch): Promise<SequenceTrace[]>;
  /** Ends workers and frees memory; the engine cannot be used afterwards. */
  close(): Promise<void>;
}
