import type { PackedBatch } from "../../data/packed_batch.ts";
import type {
  Engine,
  EngineKind,
  GradientResult,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAid,
  StepResult,
  StepSettings,
  TrainingStep,
} from "../../engine/engine.ts";
import { trainSteps } from "../../engine/train_steps.ts";
import { square } from "../../model/elementary.ts";
import type { ModelState } from "../../model/state.ts";

/** Euclidean norms over all parameters. */
export interface WeightNorms {
  /** Optimizer steps taken. */
  readonly step: number;
  /** Of the weights after that step. */
  readonly weightNorm: number;
  /** Of what that step added to them. */
  readonly updateNorm: number;
}

/**
 * An engine that also measures, at every step whose number is a multiple of `every`, how long the weights are and how
 * far the step has moved them. It computes what the engine in it computes; closing it closes that one.
 */
export class MeasuredEngine implements Engine {
  readonly kind: EngineKind;
  readonly description: string;
  readonly arithmetic: string;
  readonly trainSteps?: (steps: readonly TrainingStep[]) => Promise<StepResult[]>;
  readonly #engine: Engine;
  readonly #every: number;
  #step: number;
  #norms: WeightNorms | undefined;

  /** `step` is how many optimizer steps the engine's state has behind it. */
  constructor(engine: Engine, every: number, step = 0) {
    this.#engine = engine;
    this.#every = every;
    this.#step = step;
    this.kind = engine.kind;
    this.description = engine.description;
    this.arithmetic = engine.arithmetic;
    if (engine.trainSteps !== undefined) this.trainSteps = (steps) => this.#trainAll(steps);
  }

  /** The latest measurement. */
  get norms(): WeightNorms | undefined {
    return this.#norms;
  }

  async upload(state: ModelState): Promise<void> {
    await this.#engine.upload(state);
    this.#step = state.optimizer?.step ?? 0;
  }

  async trainStep(batch: PackedBatch, settings: StepSettings, aid?: StepAid): Promise<StepResult> {
    const [result] = await this.#trainAll([{ batch, settings, ...aid === undefined ? {} : { aid } }]);
    return result;
  }

  download(): Promise<Required<ModelState>> {
    return this.#engine.download();
  }

  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    return this.#engine.gradient(batch, settings);
  }

  predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction> {
    return this.#engine.predict(batch, settings);
  }

  trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    return this.#engine.trace(batch);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  async #trainAll(steps: readonly TrainingStep[]): Promise<StepResult[]> {
    const results: StepResult[] = [];
    while (results.length < steps.length) {
      const plain = this.#every - 1 - this.#step % this.#every;
      const rest = steps.slice(results.length);
      const done = plain > 0
        ? await trainSteps(this.#engine, rest.slice(0, plain))
        : [await this.#trainMeasured(rest[0])];
      results.push(...done);
      this.#step += done.filter(({ updated }) => updated).length;
      if (done.some(({ updated }) => !updated)) break;
    }
    return results;
  }

  async #trainMeasured({ batch, settings, aid }: TrainingStep): Promise<StepResult> {
    const before = (await this.#engine.download()).weights.parameters;
    const result = await this.#engine.trainStep(batch, settings, aid);
    if (!result.updated) return result;
    const after = (await this.#engine.download()).weights.parameters;
    let weights = 0;
    let update = 0;
    for (let i = 0; i < after.length; i++) {
      weights += square(after[i]);
      update += square(after[i] - before[i]);
    }
    this.#norms = { step: this.#step + 1, weightNorm: Math.sqrt(weights), updateNorm: Math.sqrt(update) };
    return result;
  }
}
