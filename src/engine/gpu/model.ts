import type { PackedBatch } from "../../data/packed_batch.ts";
import { DataError } from "../../errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import { positionalEncoding } from "../../model/reference/embedding.ts";
import { HALT_THRESHOLD, haltThreshold } from "../../model/reference/halting.ts";
import type { ModelState } from "../../model/state.ts";
import { type TensorTable, tensorTable } from "../../model/tensors.ts";
import type {
  GradientResult,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepResult,
  StepSettings,
  TrainingStep,
} from "../engine.ts";
import { type AdapterChoice, openDevice, requireAdapter, summarize } from "./adapter.ts";
import {
  adamwUniform,
  type Ending,
  haltPlaces,
  lossesOf,
  prepareUniform,
  reduceBlocks,
  reduceUniform,
  requireComplete,
  requireReduced,
  RESULT_FLOATS,
  sumResults,
} from "./batch_run.ts";
import { batchWords } from "./batch_words.ts";
import { Buffers } from "./buffers.ts";
import { fours, type Keeping } from "./fields.ts";
import type { GpuLayout } from "./layout.ts";
import { Pipelines, workgroupThreads } from "./pipelines.ts";
import { type GpuProgram, programOf } from "./program.ts";
import { Recorder } from "./recorder.ts";
import type { DispatchTime } from "./stopwatch.ts";
import { BINDING_ALIGNMENT, UNIFORM_BYTES, Uniforms } from "./uniforms.ts";

const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
const UNIFORM = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

const SLABS = ["parameters", "buffers", "firstMoment", "secondMoment"] as const;
type Slab = typeof SLABS[number];

/** What holds nothing between two calls. */
const SCRATCH = ["batch", "uniforms", "rows", "halt", "lists", "store", "norms", "packed", "staging"];

const NO_OBJECTIVE: ObjectiveSettings = { klScale: 1, dropout: 0, seed: 0 };

const EVERYTHING: Ending = { early: false, haltThreshold: HALT_THRESHOLD };

/** One step of a submission: a batch and what is to be done with it. */
interface Task {
  readonly batch: PackedBatch;
  readonly settings: ObjectiveSettings;
  /** Where the step ends with an update of the weights. */
  readonly update?: StepSettings;
}

/** A task whose batch is on the device. */
interface Placed {
  readonly batch: PackedBatch;
  /** Its number in the submission. */
  readonly place: number;
  readonly halt: ReturnType<typeof haltPlaces>;
  /** Blocks of its reduction; 0 where there is none. */
  readonly blocks: number;
}

/** The model on one GPU: weights, optimizer state and batches stay on the device. Runs where waiting may block. */
export class GpuModel {
  #step = 0;
  #positions = 0;
  /** Whether the packed weights are those of the parameters. */
  #packed = false;

  private constructor(
    readonly description: string,
    readonly config: ModelConfig,
    readonly table: TensorTable,
    readonly program: GpuProgram,
    readonly threads: number,
    readonly device: GPUDevice,
    readonly buffers: Buffers,
    readonly recorder: Recorder,
  ) {}

  /** All weights are zero until `upload`. Throws DeviceError without an adapter or where its limits are too low. */
  static async open(config: ModelConfig, choice?: AdapterChoice): Promise<GpuModel> {
    const adapter = await requireAdapter(choice);
    const program = programOf(config);
    const threads = workgroupThreads(program, adapter.limits);
    const table = tensorTable(config);
    const device = await openDevice(adapter);
    const buffers = new Buffers(device);
    const recorder = new Recorder(device, buffers, new Pipelines(device, program.passes(threads)));
    const description = `GPU, ${summarize(adapter).name}`;
    const model = new GpuModel(description, config, table, program, threads, device, buffers, recorder);
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
    buffers.need("packedSources", layout.packedSources.byteLength, STORAGE);
    buffers.need("slotPlaces", layout.slotPlaces.byteLength, STORAGE);
    buffers.write("packedSources", layout.packedSources);
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
    this.#step = optimizer?.step ?? 0;
    this.#packed = false;
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
    this.#packed = false;
    const results: StepResult[] = [];
    for (const { batch, place, halt } of placed) {
      const floats = spans[place];
      const [gradNorm, updated] = floats.subarray(halt.report - halt.results);
      if (updated === 1) this.#step++;
      requireComplete(floats, batch.labels.length);
      requireReduced(floats.subarray(halt.report - halt.results, halt.report - halt.results + 1));
      const sums = sumResults(floats, batch.labels.length);
      const { correct, tokenSteps } = sums;
      const losses = lossesOf(this.config, batch, steps[place].settings.klScale, sums);
      results.push({ ...losses, gradNorm, updated: updated === 1, correct, tokenSteps, noiseLevel: 0 });
      if (updated !== 1) break;
    }
    return results;
  }

  /** Places as many of `steps` as fit one submission and records them. */
  async #recordTraining(steps: readonly TrainingStep[]): Promise<Placed[]> {
    const tasks = steps.map(({ batch, settings }): Task => ({ batch, settings, update: settings }));
    const placed = this.#place(tasks, "train", EVERYTHING);
    this.recorder.clear("latch");
    for (const { batch, place, halt, blocks } of placed) {
      await this.#prepare(true, place);
      for (const pass of this.program.trainPasses) await this.recorder.dispatch(pass, batch.labels.length, place);
      await this.recorder.dispatch("reduce", blocks, place);
      await this.recorder.dispatch("adamw", Math.ceil(fours(this.layout.parameterCount) / this.threads), place);
      this.recorder.keep({ buffer: "halt", first: halt.results, count: halt.end - halt.results });
    }
    return placed;
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
    this.#packed = false;
    return times;
  }

  async gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    const [floats, gradient, norms] = await this.#guard(async () => {
      const [{ halt, blocks }] = this.#place([{ batch, settings }], "train", EVERYTHING);
      await this.#prepare(false);
      for (const pass of this.program.trainPasses) await this.recorder.dispatch(pass, batch.labels.length);
      await this.recorder.dispatch("reduce", blocks);
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
      const placed = this.#place(tasks, "predict", ending);
      await this.#prepare(false);
      for (const { batch, place, halt } of placed) {
        await this.recorder.dispatch("predict", batch.labels.length, place);
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
      const [{ halt: { results, logits } }] = this.#place([{ batch, settings: NO_OBJECTIVE }], "trace", EVERYTHING);
      await this.#prepare(false);
      await this.recorder.dispatch("trace", batch.labels.length);
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
      for (const name of SCRATCH) this.buffers.release(name);
      this.#positions = 0;
      this.#packed = false;
    });
  }

  /** Makes room for as many of `tasks` as fit one submission, the first at least, and writes what they need. */
  #place(tasks: readonly Task[], keeping: Keeping, ending: Ending): Placed[] {
    const { config, buffers, program, layout, threads } = this;
    const all = tasks.map(({ batch, settings }, k) => batchWords(batch, settings.seed, this.#step + k));
    const window = BINDING_ALIGNMENT *
      Math.ceil(4 * Math.max(...all.map(({ words }) => words.length)) / BINDING_ALIGNMENT);
    const count = Math.max(1, Math.min(tasks.length, Math.floor(this.device.limits.maxBufferSize / window)));
    const batches = new Uint32Array(count * window / 4), uniforms = new Uniforms(count);
    const placed = tasks.slice(0, count).map(({ batch, settings, update }, place): Placed => {
      const words = all[place], sequences = batch.labels.length;
      const halt = haltPlaces(config, program.haltFloats * batch.tokens.length, sequences);
      const blocks = keeping === "train" ? reduceBlocks(config, program, words, threads) : 0;
      batches.set(words.words, place * window / 4);
      uniforms.set(place, "prepareUniform", prepareUniform(update !== undefined));
      const work = { batch, words, objective: settings, keeping, ending, threads };
      uniforms.set(place, "sequenceUniform", program.sequenceUniform(work));
      uniforms.set(place, "reduceUniform", reduceUniform(batch, words, blocks));
      if (update !== undefined) {
        const step = this.#step + place + 1;
        uniforms.set(place, "adamwUniform", adamwUniform(layout, blocks, sequences, halt, update, step));
      }
      return { batch, place, halt, blocks };
    });
    this.#allocateScratch(placed, keeping);
    this.#placePositions(Math.max(...placed.map(({ batch }) => longestSequence(batch))));
    buffers.need("batch", batches.byteLength, STORAGE, window);
    buffers.need("uniforms", uniforms.bytes.byteLength, UNIFORM, UNIFORM_BYTES);
    buffers.write("batch", batches);
    buffers.write("uniforms", uniforms.bytes);
    return placed;
  }

  /** What the steps of a submission use one after the other: enough for the largest of them. */
  #allocateScratch(placed: readonly Placed[], keeping: Keeping): void {
    const { program, buffers } = this;
    const need = (name: string, bytes: (task: Placed) => number) =>
      buffers.need(name, Math.max(...placed.map(bytes)), STORAGE);
    need("rows", ({ batch }) => 16 * batch.tokens.length * program.rowVectors(keeping));
    need("halt", ({ halt }) => 4 * halt.end);
    need("lists", ({ batch }) => 4 * batch.tokens.length * program.listWords(keeping));
    need("store", ({ batch }) => 16 * batch.labels.length * this.layout.storeVectors);
    need("norms", ({ blocks }) => 4 * blocks);
  }

  /** The packed weights end with the positions' encodings (spec §1), as many as the longest sequence so far needs. */
  #placePositions(count: number): void {
    if (count <= this.#positions) return;
    const { dModel: d } = this.config;
    const wanted = Math.max(count, Math.min(this.config.maxSeqLength, 2 * count));
    const row = 4 * fours(d), first = 4 * this.layout.packedVectors;
    this.buffers.need(
      "packed",
      Math.max(this.program.leastPackedBytes, 4 * (first + wanted * row)),
      STORAGE | GPUBufferUsage.UNIFORM,
    );
    const values = new Float32Array(wanted * row);
    for (let i = 0; i < wanted; i++) {
      for (let j = 0; j < d; j++) values[i * row + j] = positionalEncoding(i, j, d);
    }
    this.buffers.write("packed", values, 4 * first);
    this.buffers.write("packed", this.layout.prior, 4 * this.layout.priorAt);
    this.#positions = wanted;
    this.#packed = false;
  }

  /** Packs the weights if they have changed, after a power iteration if asked. */
  async #prepare(iterate: boolean, place = 0): Promise<void> {
    if (this.#packed && !iterate) return;
    await this.recorder.dispatch("prepare", this.program.prepareGroups(this.threads), place);
    this.#packed = true;
  }
}

function longestSequence({ offsets, labels }: PackedBatch): number {
  let longest = 0;
  for (let s = 0; s < labels.length; s++) longest = Math.max(longest, offsets[s + 1] - offsets[s]);
  return longest;
}
