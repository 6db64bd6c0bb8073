import type { PackedBatch } from "../data/packed_batch.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { dropoutKey, DropoutMask } from "../model/dropout.ts";
import { addGradientNoise } from "../model/gradient_noise.ts";
import { noiseLevel, type NoisePower, StateNoise } from "../model/noise.ts";
import { adamW, clipFactor, globalNorm } from "../model/reference/adamw.ts";
import { haltThreshold } from "../model/reference/halting.ts";
import { noisePower } from "../model/reference/noise.ts";
import { logPrior } from "../model/reference/objective.ts";
import { finishGradient, gradientParts, type ModelParts, modelParts } from "../model/reference/parts.ts";
import {
  backwardSequence,
  forwardSequence,
  type ObjectiveTerms,
  sequenceObjective,
} from "../model/reference/sequence.ts";
import { powerIteration } from "../model/reference/spectral_norm.ts";
import type { ModelState } from "../model/state.ts";
import { type TensorTable, tensorTable } from "../model/tensors.ts";
import { checkBatch } from "./batch_check.ts";
import type {
  Engine,
  GradientResult,
  Losses,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAid,
  StepResult,
  StepSettings,
} from "./engine.ts";
import { type BatchResult, largest, NO_DROPOUT, sequenceTokens } from "./reference_batch.ts";
import { vanillaBackward, type VanillaPass, vanillaPrediction, vanillaTraces } from "./reference_vanilla.ts";

interface MutableState {
  parameters: Float64Array;
  buffers: Float64Array;
  firstMoment: Float64Array;
  secondMoment: Float64Array;
  step: number;
}

/** A float64 copy of `values`, zeros where there are none; throws DataError unless there are `wanted`. */
function widened(what: string, values: Float32Array | Float64Array | undefined, wanted: number): Float64Array {
  if (values === undefined) return new Float64Array(wanted);
  if (values.length !== wanted) {
    throw new DataError(
      `Cannot load the ${what}: ${values.length} values, the model has ${wanted}`,
      "Use weights that were made for this configuration.",
    );
  }
  return Float64Array.from(values);
}

/** The definition of the model in float64, one thread, plain TypeScript (spec §1–§2): slow, and always there. */
export class ReferenceEngine implements Engine {
  readonly kind = "reference";
  readonly description = "float64 reference, one thread";
  readonly arithmetic = "float64";
  readonly #config: ModelConfig;
  readonly #table: TensorTable;
  readonly #logQ: Float64Array;
  #state: MutableState;

  /** All weights are zero until `upload`. `config` must be valid (`validateModelConfig`). */
  constructor(config: ModelConfig) {
    this.#config = config;
    this.#table = tensorTable(config);
    this.#logQ = logPrior(config);
    const { parameterCount, bufferCount } = this.#table;
    this.#state = {
      parameters: new Float64Array(parameterCount),
      buffers: new Float64Array(bufferCount),
      firstMoment: new Float64Array(parameterCount),
      secondMoment: new Float64Array(parameterCount),
      step: 0,
    };
  }

  /** Throws DataError when a slab's length is not the tensor table's; the engine then stays as it was. */
  upload({ weights, optimizer }: ModelState): Promise<void> {
    return settle(() => {
      const { parameterCount, bufferCount } = this.#table;
      this.#state = {
        parameters: widened("parameters", weights.parameters, parameterCount),
        buffers: widened("buffers", weights.buffers, bufferCount),
        firstMoment: widened("first moments", optimizer?.firstMoment, parameterCount),
        secondMoment: widened("second moments", optimizer?.secondMoment, parameterCount),
        step: optimizer?.step ?? 0,
      };
    });
  }

  download(): Promise<Required<ModelState<Float64Array>>> {
    const { parameters, buffers, firstMoment, secondMoment, step } = this.#state;
    return Promise.resolve({
      weights: { parameters: parameters.slice(), buffers: buffers.slice() },
      optimizer: { firstMoment: firstMoment.slice(), secondMoment: secondMoment.slice(), step },
    });
  }

  trainStep(batch: PackedBatch, settings: StepSettings, aid?: StepAid): Promise<StepResult> {
    return settle(() => {
      checkBatch(this.#config, batch);
      if (!this.#vanilla) this.#iterateDirections();
      const gradient = new Float64Array(this.#table.parameterCount);
      const result = this.#backward(batch, settings, gradient);
      aid?.penalize?.(this.#state.parameters, gradient);
      const gradNorm = globalNorm(gradient);
      const updated = Number.isFinite(result.loss) && Number.isFinite(gradNorm);
      if (updated) {
        const factor = clipFactor(gradNorm, settings.clipGradNorm);
        const { parameters, firstMoment, secondMoment } = this.#state;
        const adjustment = aid?.adjust?.(result);
        const clipped = gradient.map((value) => value * factor);
        if (adjustment !== undefined) {
          addGradientNoise(clipped, adjustment.gradientNoise, settings.seed, this.#state.step);
          clipped.forEach((value, e) => clipped[e] = value * adjustment.gradientFactor);
        }
        this.#state.step++;
        const used = { ...settings, ...adjustment };
        adamW(parameters, clipped, firstMoment, secondMoment, this.#state.step, used);
        aid?.updated?.(parameters);
      }
      return { ...result, gradNorm, updated };
    });
  }

  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    return settle(() => {
      checkBatch(this.#config, batch);
      const gradient = new Float64Array(this.#table.parameterCount);
      const { loss, taskLoss, klLoss, entropyLoss } = this.#backward(batch, settings, gradient);
      return { loss, taskLoss, klLoss, entropyLoss, gradient };
    });
  }

  predict(batch: PackedBatch, { want, klScale, haltThreshold: asked }: PredictSettings): Promise<Prediction> {
    return settle(() => {
      checkBatch(this.#config, batch);
      const everything = want === "everything";
      if (this.#vanilla) return vanillaPrediction(this.#vanillaPass(batch), everything);
      const threshold = haltThreshold(asked);
      const parts = this.#parts();
      const logits = new Float64Array(batch.labels.length * this.#config.numClasses);
      const haltingSteps = new Uint8Array(batch.tokens.length);
      const terms: ObjectiveTerms[] = [];
      batch.labels.forEach((label, s) => {
        const options = { keep: "first step", endWithCls: !everything, threshold } as const;
        const forward = forwardSequence(parts, sequenceTokens(batch, s), NO_DROPOUT, options);
        logits.set(forward.logits, s * this.#config.numClasses);
        haltingSteps.set(forward.recurrence.halting.steps, batch.offsets[s]);
        if (everything) terms.push(sequenceObjective(forward, label, this.#logQ));
      });
      return everything
        ? { logits, haltingSteps, losses: this.#losses(batch, terms, klScale) }
        : { logits, haltingSteps };
    });
  }

  trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    return settle(() => {
      checkBatch(this.#config, batch);
      if (this.#vanilla) return vanillaTraces(this.#vanillaPass(batch));
      const parts = this.#parts();
      return Array.from(batch.labels, (_, s): SequenceTrace => {
        const options = { keep: "all steps", endWithCls: false } as const;
        const { recurrence } = forwardSequence(parts, sequenceTokens(batch, s), NO_DROPOUT, options);
        const { steps } = recurrence;
        const [first] = steps;
        return {
          stepProbabilities: recurrence.halting.probabilities,
          haltingSteps: recurrence.halting.steps,
          binAssignmentStep0: first.bins.assignment,
          attentionStep0: first.lookup.attention,
          stateStep0: first.output,
          states: [first.input, ...steps.map(({ output }) => output)],
          assignments: steps.map(({ bins }) => bins.assignment),
          attention: steps.map(({ lookup }) => lookup.attention),
        };
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get #vanilla(): boolean {
    return this.#config.model === "vanilla";
  }

  #vanillaPass(batch: PackedBatch): VanillaPass {
    return { config: this.#config, parameters: this.#state.parameters, batch };
  }

  #iterateDirections(): void {
    const { tensors, buffers1, buffers2 } = this.#parts();
    powerIteration(tensors.linear1, buffers1);
    powerIteration(tensors.linear2, buffers2);
  }

  #parts(): ModelParts {
    return modelParts(this.#config, this.#state);
  }

  /** Losses of the batch; adds their gradient to `slab`. Masks are those of the present step's number (spec §2). */
  #backward(batch: PackedBatch, settings: ObjectiveSettings, slab: Float64Array): BatchResult {
    if (this.#vanilla) return vanillaBackward(this.#vanillaPass(batch), settings, this.#state.step, slab);
    const { klScale, dropout, seed } = settings;
    const noises: NoisePower[] = [];
    const config = this.#config;
    const parts = this.#parts();
    const gradient = gradientParts(config, slab);
    const tokens = batch.tokens.length;
    const factors: ObjectiveTerms = {
      task: 1 / batch.labels.length,
      divergence: config.klLossWeight * klScale / tokens,
      negativeEntropy: config.entLossWeight / (tokens * config.numHeads),
    };
    const terms: ObjectiveTerms[] = [];
    let correct = 0;
    let tokenSteps = 0;
    batch.labels.forEach((label, s) => {
      const key = dropoutKey(seed, this.#state.step, s);
      const mask = new DropoutMask(key, dropout);
      const noise = new StateNoise(key, settings.noise);
      const ids = sequenceTokens(batch, s);
      const forward = forwardSequence(parts, ids, mask, { keep: "all steps", endWithCls: false, noise });
      terms.push(sequenceObjective(forward, label, this.#logQ));
      const { start, steps } = forward.recurrence;
      noises.push(noisePower(
        noise,
        steps.map(({ updated }, t) => ({ x: t === 0 ? start : steps[t - 1].output, updated })),
      ));
      if (largest(forward.logits) === label) correct++;
      for (const steps of forward.recurrence.halting.steps) tokenSteps += steps;
      backwardSequence(parts, gradient, ids, forward, label, this.#logQ, factors, mask);
    });
    finishGradient(parts, gradient);
    return {
      ...this.#losses(batch, terms, klScale),
      correct,
      tokenSteps,
      noiseLevel: noiseLevel(noises),
    };
  }

  #losses(batch: PackedBatch, terms: readonly ObjectiveTerms[], klScale: number): Losses {
    const { klLossWeight, entLossWeight, numHeads } = this.#config;
    const tokens = batch.tokens.length;
    const sum = (term: keyof ObjectiveTerms) => terms.reduce((total, part) => total + part[term], 0);
    const taskLoss = sum("task") / terms.length;
    const klLoss = klScale * sum("divergence") / tokens;
    const entropyLoss = sum("negativeEntropy") / (tokens * numHeads);
    return { loss: taskLoss + klLossWeight * klLoss + entLossWeight * entropyLoss, taskLoss, klLoss, entropyLoss };
  }
}

/** The reference computes at once; an error becomes a rejection, as the interface promises. */
function settle<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
