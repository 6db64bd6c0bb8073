import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { TokenizedDataset } from "../../src/data/dataset.ts";
import type {
  Engine,
  GradientResult,
  Prediction,
  SequenceTrace,
  StepResult,
  StepSettings,
} from "../../src/engine/engine.ts";
import type { ModelState } from "../../src/model/state.ts";

/** Events of the toy that a test may bend. */
export interface ToyScript {
  /** Step (from 0) whose loss is NaN. */
  readonly failingStep?: number;
  /** Share of right answers of each validation in turn; otherwise the weights decide. */
  readonly accuracies?: readonly number[];
  /** Called with each batch that is trained. */
  readonly onTrain?: (batch: PackedBatch, settings: StepSettings) => void;
  /** Called before each prediction. */
  readonly onPredict?: () => void;
}

/**
 * An engine of three weights whose every value depends on all batches so far and on their order, so that a loop
 * which loses, repeats or reorders one of them is found out.
 */
export class ToyEngine implements Engine {
  readonly kind = "reference";
  readonly description = "toy";
  readonly arithmetic = "toy";
  #parameters: Float64Array = Float64Array.of(0.1, 0.2, 0.3);
  #step = 0;
  #validations = 0;

  constructor(readonly script: ToyScript = {}) {}

  upload(state: ModelState): Promise<void> {
    this.#parameters = Float64Array.from(state.weights.parameters);
    this.#step = state.optimizer?.step ?? 0;
    return Promise.resolve();
  }

  download(): Promise<Required<ModelState>> {
    return Promise.resolve({
      weights: { parameters: this.#parameters.slice(), buffers: new Float64Array(0) },
      optimizer: { firstMoment: new Float64Array(3), secondMoment: new Float64Array(3), step: this.#step },
    });
  }

  trainStep(batch: PackedBatch, settings: StepSettings): Promise<StepResult> {
    this.script.onTrain?.(batch, settings);
    const updated = this.script.failingStep !== this.#step;
    if (updated) {
      const [a, b, c] = this.#parameters;
      const stir = Math.sin(batch.tokens.reduce((sum, id, i) => sum + id * (i + 1), settings.seed + this.#step));
      this.#parameters = Float64Array.of(
        b + settings.learningRate * stir,
        c * settings.klScale,
        Math.cos(a) + settings.dropout,
      );
      this.#step++;
    }
    const losses = this.#losses(batch);
    return Promise.resolve({
      ...losses,
      loss: updated ? losses.loss : NaN,
      gradNorm: 1 + losses.taskLoss,
      updated,
      correct: batch.labels.reduce((sum, label) => sum + label, 0),
      tokenSteps: batch.tokens.length * 2 + 1,
      noiseLevel: 0,
    });
  }

  gradient(): Promise<GradientResult> {
    throw new Error("not used by the loop");
  }

  predict(batch: PackedBatch): Promise<Prediction> {
    this.script.onPredict?.();
    const share = this.script.accuracies?.[this.#validations++] ?? Math.abs(this.#parameters[0]) % 1;
    const right = Math.round(share * batch.labels.length);
    const logits = new Float64Array(batch.labels.length * 2);
    batch.labels.forEach((label, s) => logits[2 * s + (s < right ? label : 1 - label)] = 1 + this.#parameters[1]);
    return Promise.resolve({
      logits,
      haltingSteps: new Uint8Array(batch.tokens.length).fill(3),
      losses: this.#losses(batch),
    });
  }

  trace(): Promise<SequenceTrace[]> {
    throw new Error("not used by the loop");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #losses(batch: PackedBatch) {
    const [taskLoss, klLoss, entropyLoss] = this.#parameters.map((weight) => Math.abs(weight) + batch.tokens.length);
    return { loss: taskLoss + 0.015 * klLoss + 0.005 * entropyLoss, taskLoss, klLoss, entropyLoss };
  }
}

/** `reviews` reviews of 2 to 6 tokens; classes take turns. */
export function toyDataset(reviews: number, vocabularySize = 50): TokenizedDataset {
  const offsets = new Uint32Array(reviews + 1);
  for (let r = 0; r < reviews; r++) offsets[r + 1] = offsets[r] + 2 + (r * 7) % 5;
  return {
    tokens: Int32Array.from({ length: offsets[reviews] }, (_, i) => 1 + (i * 31 + (i >> 3)) % (vocabularySize - 1)),
    offsets,
    labels: Uint8Array.from({ length: reviews }, (_, r) => r % 2),
    names: Array.from({ length: reviews }, (_, r) => `review ${r}`),
    dataHash: "toy",
    vocabularyHash: "toy",
    vocabularySize,
  };
}
