import type { PackedBatch } from "../../data/packed_batch.ts";
import { DataError } from "../../errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import { clipFactor } from "../../model/reference/adamw.ts";
import { HALT_THRESHOLD, haltThreshold } from "../../model/reference/halting.ts";
import type { ModelState } from "../../model/state.ts";
import { type TensorTable, tensorTable } from "../../model/tensors.ts";
import type {
  GradientResult,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAdjustment,
  StepResult,
  StepSettings,
  TrainingStep,
} from "../engine.ts";
import { arithmeticName } from "../precision.ts";
import { type GpuOptions, openDevice, requireAdapter, summarize } from "./adapter.ts";
import {
  adamwUniform,
  type Ending,
  jitterUniform,
  lossesOf,
  noiseLevelOf,
  requireComplete,
  requireReduced,
  RESULT_FLOATS,
  sumResults,
} from "./batch_run.ts";
import { Buffers } from "./buffers.ts";
import { fours } from "./fields.ts";
import { formsOn } from "./forms.ts";
import type { GpuLayout } from "./layout.ts";
import type { ReadableSlab } from "./messages.ts";
import { Pipelines } from "./pipelines.ts";
import { type GpuProgram, programOf } from "./program.ts";
import { type Placed, Placement, STORAGE, type Task } from "./placement.ts";
import { Recorder } from "./recorder.ts";
import type { DispatchTime } from "./stopwatch.ts";
import type { Form } from "./shaders.ts";
import { uniformOffset } from "./uniforms.ts";
import { type Widths, workgroupWidths } from "./widths.ts";

const SLABS = ["parameters", "buffers", "firstMoment", "secondMoment"] as const;
type Slab = typeof SLABS[number];

const NO_OBJECTIVE: ObjectiveSettings = { klScale: 1, dropout: 0, seed: 0 };

const EVERYTHING: Ending = { early: false, haltThreshold: HALT_THRESHOLD };

/** A training step whose gradient lies on the device. */
interface BegunStep extends Placed {
  readonly settings: StepSettings;
  readonly gradNorm: number;
  /** Σ g² of the gradient's blocks [blocks], −1 where one is incomplete. */
  readonly norms: Float32Array;
}

/** The model on one GPU: weights, optimizer state and batches stay on the device. Runs where waiting may block. */
export class GpuModel {
  #step = 0;
  #begun: BegunStep | undefined;
  readonly #placement: Placement;

  private constructor(
    readonly description: string,
    readonly config: ModelConfig,
    readonly table: TensorTable,
    readonly program: GpuProgram,
    readonly widths: Widths,
    readonly device: GPUDevice,
    readonly buffers: Buffers,
    readonly recorder: Recorder,
    /** In which its kernels are compiled. */
    readonly forms: ReadonlySet<Form>,
  ) {
    this.#placement = new Placement(config, program, widths, buffers, forms);
  }

  /** All weights are zero until `upload`. Throws DeviceError without an adapter or where its limits are too low. */
  static async open(config: ModelConfig, { adapter: choice, precision }: GpuOptions = {}): Promise<GpuModel> {
    const adapter = await requireAdapter(choice);
    const { name, software } = summarize(adapter);
    const program = programOf(config, precision);
    const widths = workgroupWidths(program, adapter.limits, software);
    const table = tensorTable(config);
    const device = await openDevice(adapter);
    const buffers = new Buffers(device);
    const forms = await formsOn(device, program.storage, widths, software);
    const recorder = new Recorder(device, buffers, new Pipelines(device, program.passes, forms));
    const description = arithmeticName(`GPU, ${name}`, program.storage.precision);
    const model = new GpuModel(description, config, table, program, widths, device, buffers, recorder, forms);
    model.#allocate();
    return model;
  }

  get layout(): GpuLayout {
    return this.program.layout;
  }

  #allocate(): void {
    const { buffers, layout } = this;
    for (const name of SLABS) buffers.need(name, this.#slabBytes(name), STORAGE);
    buffers.need("gradient", this.#slabBytes("parameters"), STORAGE);
    buffers.need("latch", 16, STORAGE);
    buffers.need("packedPlaces", layout.packedPlaces.byteLength, STORAGE);
    buffers.need("slotPlaces", layout.slotPlaces.byteLength, STORAGE);
    buffers.write("packedPlaces", layout.packedPlaces);
    buffers.write("slotPlaces", layout.slotPlaces);
  }

  upload({ weights, optimizer }: ModelState): void {
    const slabs: Record<Slab, Float32Array | Float64Array | undefined> = {
      ...weights,
      firstMoment: optimizer?.firstMoment,
      secondMoment: optimizer?.secondMoment,
    };
    for (const name of SLABS) {
      const count = this.#slabCount(name), found = slabs[name]?.length ?? count;
      if (found !== count) {
        throw new DataError(
          `Cannot load ${name}: ${found} values, the model has ${count}`,
          "Use weights that were made for this configuration.",
        );
      }
    }
    for (const name of SLABS) {
      const values = new Float32Array(this.#slabBytes(name) / 4);
      values.set(slabs[name] ?? []);
      this.buffers.write(name, values);
    }
    this.#placement.pack(weights.parameters);
    this.#step = optimizer?.step ?? 0;
  }

  async download(): Promise<Required<ModelState<Float32Array>>> {
    const [parameters, buffers, firstMoment, secondMoment] = await this.#guard(async () => {
      for (const name of SLABS) this.recorder.keep({ buffer: name, first: 0, count: this.#slabCount(name) });
      return await this.recorder.read();
    });
    return { weights: { parameters, buffers }, optimizer: { firstMoment, secondMoment, step: this.#step } };
  }

  /** Ends behind the first step that does not update. */
  async trainSteps(steps: readonly TrainingStep[]): Promise<StepResult[]> {
    const results: StepResult[] = [];
    while (results.length < steps.length && results.at(-1)?.updated !== false) {
      results.push(...await this.#trainTogether(steps.slice(results.length)));
    }
    return results;
  }

  /** Trains as many of `steps` as fit one submission. */
  async #trainTogether(steps: readonly TrainingStep[]): Promise<StepResult[]> {
    const [placed, spans] = await this.#guard(async () => {
      const placed = await this.#recordTraining(steps);
      return [placed, await this.recorder.read()];
    });
    const results: StepResult[] = [];
    for (const { batch, place, halt } of placed) {
      const floats = spans[place];
      const [gradNorm, updated] = floats.subarray(halt.report - halt.results);
      if (updated === 1) this.#step++;
      requireComplete(floats, batch.labels.length);
      requireReduced(floats.subarray(halt.report - halt.results, halt.report - halt.results + 1));
      const sums = sumResults(floats, batch.labels.length);
      const { correct, tokenSteps } = sums;
      const { settings } = steps[place];
      const losses = lossesOf(this.config, batch, settings.klScale, sums);
      const noiseLevel = noiseLevelOf(this.config, batch, floats, settings);
      results.push({ ...losses, gradNorm, updated: updated === 1, correct, tokenSteps, noiseLevel });
      if (updated !== 1) break;
    }
    return results;
  }

  /**
   * The first half of a training step whose update depends on its losses: the gradient waits on the device, and
   * `updated` says whether it is fit for an update. `finishStep` must follow.
   */
  async beginStep({ batch, settings }: TrainingStep): Promise<StepResult> {
    const [placed, floats, norms] = await this.#guard(async () => {
      const tasks = [{ batch, settings, update: settings }];
      const [placed] = this.#placement.place(tasks, "train", EVERYTHING, this.#step);
      const { halt, blocks } = placed;
      this.recorder.clear("latch");
      await this.#recordGradient(placed);
      this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.logits - halt.results });
      this.recorder.keep({ buffer: "norms", first: 0, count: blocks });
      return [placed, ...await this.recorder.read()] as const;
    });
    const sums = sumResults(floats, batch.labels.length);
    const { correct, tokenSteps } = sums;
    const losses = lossesOf(this.config, batch, settings.klScale, sums);
    const gradNorm = Math.sqrt(norms.reduce((sum, square) => sum + square, 0));
    this.#begun = { ...placed, settings, gradNorm, norms };
    const updated = Number.isFinite(losses.loss) && Number.isFinite(gradNorm);
    const noiseLevel = noiseLevelOf(this.config, batch, floats, settings);
    return { ...losses, gradNorm, updated, correct, tokenSteps, noiseLevel };
  }

  /** Copies of `slabs` [parameters each] as they are now. */
  readSlabs(slabs: readonly ReadableSlab[]): Promise<Float32Array[]> {
    return this.#guard(async () => {
      for (const buffer of slabs) this.recorder.keep({ buffer, first: 0, count: this.layout.parameterCount });
      return await this.recorder.read();
    });
  }

  /** Puts `gradient` [parameters] in the place of that of the step begun; returns its norm. */
  replaceGradient(gradient: Float32Array<ArrayBuffer>): number {
    const begun = this.#begun;
    if (begun === undefined) throw new Error("No step was begun");
    // What is incomplete stays so: the second half refuses it.
    if (begun.norms.some((norm) => norm < 0)) return begun.gradNorm;
    const norms = new Float32Array(begun.blocks);
    norms[0] = gradient.reduce((sum, value) => sum + value * value, 0);
    this.buffers.write("gradient", gradient);
    this.buffers.write("norms", norms);
    const gradNorm = Math.sqrt(norms[0]);
    this.#begun = { ...begun, gradNorm, norms };
    return gradNorm;
  }

  /** The second half: noise, AdamW with `adjustment`'s numbers where there are any. Returns the gradient's norm. */
  async finishStep(adjustment?: StepAdjustment): Promise<Pick<StepResult, "gradNorm" | "updated">> {
    const begun = this.#begun;
    if (begun === undefined) throw new Error("No step was begun");
    this.#begun = undefined;
    const { batch, settings, halt, blocks } = begun;
    const sequences = batch.labels.length;
    const [floats, [gradNorm, updated]] = await this.#guard(async () => {
      if (adjustment !== undefined && adjustment.gradientNoise > 0) {
        await this.#addJitter(begun, adjustment.gradientNoise);
      }
      const numbers = { ...settings, ...adjustment };
      const factor = adjustment?.gradientFactor;
      const uniform = adamwUniform(this.layout, blocks, sequences, halt, numbers, this.#step + 1, factor);
      this.buffers.write("uniforms", new Uint8Array(uniform), uniformOffset(0, "adamwUniform"));
      await this.#recordSlabs("adamw");
      this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.logits - halt.results });
      this.recorder.keep({ buffer: "halt", first: halt.report, count: 2 });
      return await this.recorder.read();
    });
    if (updated === 1) this.#step++;
    requireComplete(floats, sequences);
    requireReduced(Float32Array.of(gradNorm));
    return { gradNorm, updated: updated === 1 };
  }

  /** Noise of `deviation` on the clipped gradient: AdamW clips behind it, so that it is divided by that factor. */
  async #addJitter({ settings, gradNorm }: BegunStep, deviation: number): Promise<void> {
    this.#placement.needQuantiles();
    const clipped = deviation / clipFactor(gradNorm, settings.clipGradNorm);
    const uniform = jitterUniform(this.layout, settings, this.#step, clipped);
    this.buffers.write("uniforms", new Uint8Array(uniform), uniformOffset(0, "jitterUniform"));
    await this.#recordSlabs("jitter");
  }

  /** Places as many of `steps` as fit one submission and records them. */
  async #recordTraining(steps: readonly TrainingStep[]): Promise<Placed[]> {
    const tasks = steps.map(({ batch, settings }): Task => ({ batch, settings, update: settings }));
    const placed = this.#placement.place(tasks, "train", EVERYTHING, this.#step);
    this.recorder.clear("latch");
    for (const task of placed) {
      const { place, halt } = task;
      await this.#recordGradient(task);
      await this.#recordSlabs("adamw", place);
      this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.factors - halt.results });
    }
    return placed;
  }

  async #recordGradient({ batch, place, threads, blocks }: Placed): Promise<void> {
    for (const pass of this.program.trainPasses) {
      await this.recorder.dispatch(pass, batch.labels.length, threads, place);
    }
    await this.recorder.dispatch("reduce", blocks, this.widths.most, place);
  }

  /** Records a pass over all vectors of the slabs. */
  async #recordSlabs(pass: "adamw" | "jitter", place = 0): Promise<void> {
    const { most } = this.widths;
    await this.recorder.dispatch(pass, Math.ceil(fours(this.layout.parameterCount) / most), most, place);
  }

  /**
   * Times of the dispatches of a training step by the device's clock; undefined where it has none that can be asked. The
   * step is taken, but does not count.
   */
  async profile(step: TrainingStep): Promise<DispatchTime[] | undefined> {
    if (!this.recorder.canTime) return undefined;
    const times = await this.#guard(async () => {
      await this.#recordTraining([step]);
      return (await this.recorder.readTimed()).times;
    });
    return times;
  }

  async gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    const [floats, gradient, norms] = await this.#guard(async () => {
      const [placed] = this.#placement.place([{ batch, settings }], "train", EVERYTHING, this.#step);
      const { halt, blocks } = placed;
      await this.#recordGradient(placed);
      this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.logits - halt.results });
      this.recorder.keep({ buffer: "gradient", first: 0, count: this.layout.parameterCount });
      this.recorder.keep({ buffer: "norms", first: 0, count: blocks });
      this.recorder.clear("gradient");
      return await this.recorder.read();
    });
    requireComplete(floats, batch.labels.length);
    requireReduced(norms);
    const sums = sumResults(floats, batch.labels.length);
    return { ...lossesOf(this.config, batch, settings.klScale, sums), gradient };
  }

  async predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction> {
    const [prediction] = await this.predictBatches([batch], settings);
    return prediction;
  }

  async predictBatches(batches: readonly PackedBatch[], settings: PredictSettings): Promise<Prediction[]> {
    const predictions: Prediction[] = [];
    while (predictions.length < batches.length) {
      predictions.push(...await this.#predictTogether(batches.slice(predictions.length), settings));
    }
    return predictions;
  }

  /** Predicts as many of `batches` as fit one submission. */
  async #predictTogether(
    batches: readonly PackedBatch[],
    { want, klScale, haltThreshold: asked }: PredictSettings,
  ): Promise<Prediction[]> {
    const tasks = batches.map((batch): Task => ({ batch, settings: { ...NO_OBJECTIVE, klScale } }));
    const ending = { early: want === "logits", haltThreshold: haltThreshold(asked) };
    const [placed, spans] = await this.#guard(async () => {
      const placed = this.#placement.place(tasks, "predict", ending, this.#step);
      for (const { batch, place, threads, halt } of placed) {
        await this.recorder.dispatch("predict", batch.labels.length, threads, place);
        this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.report - halt.results });
        for (const span of this.program.stepSpans(batch)) this.recorder.keep(span);
      }
      return [placed, await this.recorder.read()];
    });
    const perBatch = spans.length / placed.length;
    return placed.map(({ batch, place }) => {
      const [floats, ...steps] = spans.slice(place * perBatch, (place + 1) * perBatch);
      requireComplete(floats, batch.labels.length);
      const logits = floats.slice(RESULT_FLOATS * batch.labels.length);
      const haltingSteps = this.program.haltingSteps(batch, steps);
      if (want === "logits") return { logits, haltingSteps };
      const losses = lossesOf(this.config, batch, klScale, sumResults(floats, batch.labels.length));
      return { logits, haltingSteps, losses };
    });
  }

  async trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    const [floats, ...kept] = await this.#guard(async () => {
      const [{ threads, halt: { results, logits } }] = this.#placement.place(
        [{ batch, settings: NO_OBJECTIVE }],
        "trace",
        EVERYTHING,
        this.#step,
      );
      await this.recorder.dispatch("trace", batch.labels.length, threads);
      this.recorder.keep({ buffer: "halt", first: results, count: logits - results });
      for (const span of this.program.traceSpans(batch)) this.recorder.keep(span);
      return await this.recorder.read();
    });
    requireComplete(floats, batch.labels.length);
    return this.program.traces(batch, kept);
  }

  close(): void {
    this.buffers.destroy();
    this.device.destroy();
  }

  #slabCount(name: Slab): number {
    return name === "buffers" ? this.table.bufferCount : this.table.parameterCount;
  }

  #slabBytes(name: Slab): number {
    return 16 * fours(this.#slabCount(name));
  }

  /** Runs `work`; behind a fault that the device survives, scratch memory is freed and the weights are packed anew. */
  #guard<T>(work: () => Promise<T>): Promise<T> {
    return this.recorder.guard(work, () => {
      this.#placement.release();
    });
  }
}
