import type { PackedBatch } from "../../data/packed_batch.ts";
import { DataError } from "../../errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import { positionalEncoding } from "../../model/reference/embedding.ts";
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
} from "../engine.ts";
import { type AdapterChoice, openDevice, requireAdapter, summarize } from "./adapter.ts";
import {
  adamwUniform,
  haltPlaces,
  lossesOf,
  prepareUniform,
  reduceBlocks,
  reduceUniform,
  requireComplete,
  sequenceUniform,
  sumResults,
  UNIFORM_BYTES,
} from "./batch_run.ts";
import { type BatchWords, batchWords } from "./batch_words.ts";
import { Buffers } from "./buffers.ts";
import { fours, type Keeping, listRows, rowVectors } from "./fields.ts";
import { type GpuLayout, gpuLayout } from "./layout.ts";
import { CONSTANT_BYTES, Pipelines, pipelineSpecs, workgroupThreads } from "./pipelines.ts";
import { Recorder, type Span } from "./recorder.ts";
import { traceSequences } from "./trace.ts";

const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
const UNIFORM = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

const SLABS = ["parameters", "buffers", "firstMoment", "secondMoment"] as const;
type Slab = typeof SLABS[number];

const NO_OBJECTIVE: ObjectiveSettings = { klScale: 1, dropout: 0, seed: 0 };

/** A batch on the device. */
interface Placed {
  readonly batch: PackedBatch;
  readonly words: BatchWords;
  readonly halt: ReturnType<typeof haltPlaces>;
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
    readonly layout: GpuLayout,
    readonly threads: number,
    readonly device: GPUDevice,
    readonly buffers: Buffers,
    readonly recorder: Recorder,
  ) {}

  /** All weights are zero until `upload`. Throws DeviceError without an adapter or where its limits are too low. */
  static async open(config: ModelConfig, choice?: AdapterChoice): Promise<GpuModel> {
    const adapter = await requireAdapter(choice);
    const threads = workgroupThreads(config, adapter.limits);
    const table = tensorTable(config);
    const layout = gpuLayout(config, table);
    const device = await openDevice(adapter);
    const buffers = new Buffers(device);
    const recorder = new Recorder(device, buffers, new Pipelines(device, pipelineSpecs(config, layout, threads)));
    const description = `GPU, ${summarize(adapter).name}`;
    const model = new GpuModel(description, config, table, layout, threads, device, buffers, recorder);
    model.#allocate();
    return model;
  }

  #allocate(): void {
    const { buffers, layout } = this;
    for (const name of SLABS) buffers.need(name, this.#slabBytes(name), STORAGE);
    buffers.need("gradient", this.#slabBytes("parameters"), STORAGE);
    for (const pass of ["prepare", "sequence", "reduce", "adamw"]) {
      buffers.need(`${pass}Uniform`, UNIFORM_BYTES, UNIFORM);
    }
    buffers.need("packedSources", layout.packedSources.byteLength, STORAGE);
    buffers.need("slotPlaces", layout.slotPlaces.byteLength, STORAGE);
    this.device.queue.writeBuffer(buffers.get("packedSources"), 0, layout.packedSources);
    this.device.queue.writeBuffer(buffers.get("slotPlaces"), 0, layout.slotPlaces);
    this.#placePositions(1);
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
      this.device.queue.writeBuffer(this.buffers.get(name), 0, values);
    }
    this.#step = optimizer?.step ?? 0;
    this.#packed = false;
  }

  async download(): Promise<Required<ModelState<Float32Array>>> {
    const spans = SLABS.map((name): Span => ({ buffer: name, first: 0, count: this.#slabCount(name) }));
    const [parameters, buffers, firstMoment, secondMoment] = await this.recorder.read(spans);
    return { weights: { parameters, buffers }, optimizer: { firstMoment, secondMoment, step: this.#step } };
  }

  async trainStep(batch: PackedBatch, settings: StepSettings): Promise<StepResult> {
    const placed = this.#place(batch, settings, "train", false);
    const { halt } = placed;
    const blocks = this.#placeReduction(placed);
    const sequences = batch.labels.length;
    this.#write("adamw", adamwUniform(this.layout, blocks, sequences, halt, settings, this.#step + 1));
    await this.#prepare(true);
    await this.#gradients(placed, blocks);
    await this.recorder.dispatch("adamw", Math.ceil(fours(this.layout.parameterCount) / this.threads));
    const [floats] = await this.recorder.read([{
      buffer: "halt",
      first: halt.results,
      count: halt.end - halt.results,
    }]);
    const [gradNorm, updated] = floats.subarray(halt.report - halt.results);
    if (updated === 1) this.#step++;
    this.#packed = updated !== 1;
    requireComplete(floats, sequences);
    const sums = sumResults(floats, sequences);
    const { correct, tokenSteps } = sums;
    return {
      ...lossesOf(this.config, batch, settings.klScale, sums),
      gradNorm,
      updated: updated === 1,
      correct,
      tokenSteps,
    };
  }

  async gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    const placed = this.#place(batch, settings, "train", false);
    const { halt } = placed;
    const blocks = this.#placeReduction(placed);
    await this.#prepare(false);
    await this.#gradients(placed, blocks);
    const [floats, gradient] = await this.recorder.read([
      { buffer: "halt", first: halt.results, count: halt.logits - halt.results },
      { buffer: "gradient", first: 0, count: this.layout.parameterCount },
    ], ["gradient"]);
    requireComplete(floats, batch.labels.length);
    const sums = sumResults(floats, batch.labels.length);
    return { ...lossesOf(this.config, batch, settings.klScale, sums), gradient };
  }

  async predict(batch: PackedBatch, { want, klScale }: PredictSettings): Promise<Prediction> {
    const settings = { ...NO_OBJECTIVE, klScale };
    const placed = this.#place(batch, settings, "predict", want === "logits");
    await this.#prepare(false);
    await this.#sequences("predict", placed);
    const { halt } = placed;
    const [floats, steps] = await this.recorder.read([
      { buffer: "halt", first: halt.results, count: halt.report - halt.results },
      this.#stepsSpan(batch, "predict"),
    ]);
    requireComplete(floats, batch.labels.length);
    const logits = floats.slice(halt.logits - halt.results);
    const haltingSteps = Uint8Array.from(new Uint32Array(steps.buffer));
    if (want === "logits") return { logits, haltingSteps };
    const losses = lossesOf(this.config, batch, klScale, sumResults(floats, batch.labels.length));
    return { logits, haltingSteps, losses };
  }

  async trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    const placed = this.#place(batch, NO_OBJECTIVE, "trace", false);
    await this.#prepare(false);
    await this.#sequences("trace", placed);
    const tokens = batch.tokens.length;
    const { results, logits } = placed.halt;
    const [rows, probabilities, steps, floats] = await this.recorder.read([
      { buffer: "rows", first: 0, count: 4 * tokens * rowVectors(this.config, "trace") },
      { buffer: "halt", first: 0, count: tokens * this.config.maxLayers },
      this.#stepsSpan(batch, "trace"),
      { buffer: "halt", first: results, count: logits - results },
    ]);
    requireComplete(floats, batch.labels.length);
    return traceSequences(this.config, batch, rows, probabilities, new Uint32Array(steps.buffer));
  }

  close(): void {
    this.buffers.destroy();
    this.recorder.close();
  }

  #slabCount(name: Slab): number {
    return name === "buffers" ? this.table.bufferCount : this.table.parameterCount;
  }

  #slabBytes(name: Slab): number {
    return 16 * fours(this.#slabCount(name));
  }

  #stepsSpan({ tokens }: PackedBatch, keeping: Keeping): Span {
    return { buffer: "lists", first: (listRows(this.config, keeping) - 1) * tokens.length, count: tokens.length };
  }

  #write(pass: "prepare" | "sequence" | "reduce" | "adamw", values: ArrayBuffer): void {
    this.device.queue.writeBuffer(this.buffers.get(`${pass}Uniform`), 0, values);
  }

  /** Makes room for the batch and writes it. */
  #place(batch: PackedBatch, settings: ObjectiveSettings, keeping: Keeping, early: boolean): Placed {
    const { config, buffers } = this;
    const n = batch.tokens.length, sequences = batch.labels.length;
    const words = batchWords(batch, settings.seed, this.#step);
    const halt = haltPlaces(config, n, sequences);
    buffers.need("batch", words.words.byteLength, STORAGE);
    buffers.need("rows", 16 * n * rowVectors(config, keeping), STORAGE);
    buffers.need("halt", 4 * halt.end, STORAGE);
    buffers.need("lists", 4 * n * listRows(config, keeping), STORAGE);
    buffers.need("store", 16 * sequences * this.layout.storeVectors, STORAGE);
    let longest = 0;
    for (let s = 0; s < sequences; s++) longest = Math.max(longest, batch.offsets[s + 1] - batch.offsets[s]);
    this.#placePositions(longest);
    this.device.queue.writeBuffer(buffers.get("batch"), 0, words.words);
    this.#write("sequence", sequenceUniform(config, batch, words, settings, early, this.threads));
    return { batch, words, halt };
  }

  /** Blocks of the reduction, whose numbers are written. */
  #placeReduction({ batch, words }: Placed): number {
    const blocks = reduceBlocks(this.config, this.layout, words, this.threads);
    this.buffers.need("norms", 4 * blocks, STORAGE);
    this.#write("reduce", reduceUniform(batch, words, blocks));
    return blocks;
  }

  /** The packed weights end with the positions' encodings (spec §1), as many as the longest sequence so far needs. */
  #placePositions(count: number): void {
    if (count <= this.#positions) return;
    const { dModel: d } = this.config;
    const wanted = Math.max(count, Math.min(this.config.maxSeqLength, 2 * count));
    const row = 4 * fours(d), first = 4 * this.layout.packedVectors;
    const packed = this.buffers.need(
      "packed",
      Math.max(CONSTANT_BYTES, 4 * (first + wanted * row)),
      STORAGE | GPUBufferUsage.UNIFORM,
    );
    const values = new Float32Array(wanted * row);
    for (let i = 0; i < wanted; i++) {
      for (let j = 0; j < d; j++) values[i * row + j] = positionalEncoding(i, j, d);
    }
    this.device.queue.writeBuffer(packed, 4 * first, values);
    this.device.queue.writeBuffer(packed, 4 * this.layout.priorAt, this.layout.prior);
    this.#positions = wanted;
    this.#packed = false;
  }

  /** Packs the weights if they have changed, after a power iteration if asked. */
  async #prepare(iterate: boolean): Promise<void> {
    if (this.#packed && !iterate) return;
    this.#write("prepare", prepareUniform(iterate));
    await this.recorder.dispatch("prepare", 1);
    this.#packed = true;
  }

  async #sequences(pass: Keeping, { batch }: Placed): Promise<void> {
    await this.recorder.dispatch(pass, batch.labels.length);
  }

  async #gradients(placed: Placed, blocks: number): Promise<void> {
    await this.#sequences("train", placed);
    await this.recorder.dispatch("reduce", blocks);
  }
}
