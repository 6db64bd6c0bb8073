import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import { normalQuantiles, QUANTILES } from "../../model/normal_quantiles.ts";
import { positionalEncoding } from "../../model/reference/embedding.ts";
import type { ObjectiveSettings, StepSettings } from "../engine.ts";
import { adamwUniform, type Ending, type HaltPlaces, haltPlaces, reduceBlocks, reduceUniform } from "./batch_run.ts";
import { batchWords } from "./batch_words.ts";
import type { Buffers } from "./buffers.ts";
import { fours, type Keeping } from "./fields.ts";
import { EXACT, NONE } from "./layout.ts";
import type { GpuProgram } from "./program.ts";
import type { Form } from "./shaders.ts";
import { roundedWeights } from "./storage.ts";
import { BINDING_ALIGNMENT, UNIFORM_BYTES, Uniforms } from "./uniforms.ts";
import { longestSequence, widthFor, type Widths } from "./widths.ts";

export const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
const UNIFORM = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

/** The least that can be bound. */
const EMPTY_BYTES = 16;

/** What holds nothing between two calls. */
const SCRATCH = ["batch", "uniforms", "rows", "halt", "lists", "store", "norms", "positions", "staging"];

/** One step of a submission: a batch and what is to be done with it. */
export interface Task {
  readonly batch: PackedBatch;
  readonly settings: ObjectiveSettings;
  /** Where the step ends with an update of the weights. */
  readonly update?: StepSettings;
}

/** A task whose batch is on the device. */
export interface Placed {
  readonly batch: PackedBatch;
  /** Its number in the submission. */
  readonly place: number;
  /** Of the workgroups that take its sequences. */
  readonly threads: number;
  readonly halt: HaltPlaces;
  /** Blocks of its reduction; 0 where there is none. */
  readonly blocks: number;
}

/** Where batches lie on the device, and what their computation needs beside the model. */
export class Placement {
  #positions = 0;
  #drawing = false;

  constructor(
    readonly config: ModelConfig,
    readonly program: GpuProgram,
    readonly widths: Widths,
    readonly buffers: Buffers,
    readonly forms: ReadonlySet<Form>,
  ) {
    const { leastPackedBytes, layout: { packedVectors } } = program;
    buffers.need("packed", Math.max(leastPackedBytes, 16 * packedVectors), STORAGE | GPUBufferUsage.UNIFORM);
    buffers.need("quantiles", EMPTY_BYTES, STORAGE);
  }

  /**
   * Makes room for as many of `tasks` as fit one submission, the first at least, and writes what they need; `step` are the
   * optimizer steps before the first.
   */
  place(tasks: readonly Task[], keeping: Keeping, ending: Ending, step: number): Placed[] {
    const { config, buffers, program, widths } = this;
    const { layout } = program;
    const all = tasks.map(({ batch, settings }, k) => batchWords(batch, settings.seed, step + k));
    const window = BINDING_ALIGNMENT *
      Math.ceil(4 * Math.max(...all.map(({ words }) => words.length)) / BINDING_ALIGNMENT);
    const count = Math.max(1, Math.min(tasks.length, Math.floor(this.buffers.device.limits.maxBufferSize / window)));
    const batches = new Uint32Array(count * window / 4), uniforms = new Uniforms(count);
    const placed = tasks.slice(0, count).map(({ batch, settings, update }, place): Placed => {
      const words = all[place], sequences = batch.labels.length;
      const halt = haltPlaces(config, program.haltFloats * batch.tokens.length, sequences);
      const blocks = keeping === "train" ? reduceBlocks(config, program, words, widths.most) : 0;
      const threads = widthFor(widths, config, program, batch);
      batches.set(words.words, place * window / 4);
      const work = { batch, words, objective: settings, keeping, ending, threads, halt, trains: update !== undefined };
      uniforms.set(place, "sequenceUniform", program.sequenceUniform(work));
      uniforms.set(place, "reduceUniform", reduceUniform(program, batch, words, blocks, halt));
      if (update !== undefined) {
        uniforms.set(place, "adamwUniform", adamwUniform(layout, blocks, sequences, halt, update, step + place + 1));
      }
      return { batch, place, threads, halt, blocks };
    });
    if (placed.some((_, k) => tasks[k].settings.noise !== undefined)) this.needQuantiles();
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
    const { program, buffers, forms } = this;
    const storeVectors = ({ threads }: Placed) =>
      program.layout.storeVectors + (forms.has("inStorage") ? program.sharedVectors(threads) : 0);
    const need = (name: string, bytes: (task: Placed) => number) =>
      buffers.need(name, Math.max(...placed.map(bytes)), STORAGE);
    need("rows", ({ batch }) => program.storage.vectorBytes * batch.tokens.length * program.rowVectors(keeping));
    need("halt", ({ halt }) => 4 * halt.end);
    need("lists", ({ batch }) => 4 * batch.tokens.length * program.listWords(keeping));
    need("store", (task) => 16 * task.batch.labels.length * storeVectors(task));
    need("norms", ({ blocks }) => 4 * blocks);
  }

  /** Packs the weights behind the embedding, as they are uploaded; adamw.wgsl keeps them. */
  pack(parameters: Float32Array | Float64Array): void {
    const { storage, layout: { packedPlaces, packedVectors, parameterCount, smallCount, prior, priorAt } } =
      this.program;
    const packed = new Float32Array(4 * packedVectors), first = parameterCount - smallCount;
    const rounded = roundedWeights(storage, parameters.subarray(first));
    packedPlaces.forEach((place, k) => {
      if (place === NONE) return;
      if (place >= EXACT) packed[place - EXACT] = parameters[first + (k >> 1)];
      else packed[place] = rounded[k >> 1];
    });
    packed.set(prior, priorAt);
    this.buffers.write("packed", packed);
  }

  /** The positions' encodings (spec §1), as many as the longest sequence so far needs. */
  #placePositions(count: number): void {
    if (count <= this.#positions) return;
    const { dModel: d } = this.config;
    const wanted = Math.max(count, Math.min(this.config.maxSeqLength, 2 * count)), row = 4 * fours(d);
    const values = new Float32Array(wanted * row);
    for (let i = 0; i < wanted; i++) {
      for (let j = 0; j < d; j++) values[i * row + j] = positionalEncoding(i, j, d);
    }
    this.buffers.need("positions", values.byteLength, STORAGE);
    this.buffers.write("positions", values);
    this.#positions = wanted;
  }

  /** Writes the table that noise is drawn from, once; before, there is an empty one to bind. */
  needQuantiles(): void {
    if (this.#drawing) return;
    this.buffers.need("quantiles", 4 * QUANTILES, STORAGE);
    this.buffers.write("quantiles", normalQuantiles().slice());
    this.#drawing = true;
  }

  /** Frees the scratch memory. */
  release(): void {
    for (const name of SCRATCH) this.buffers.release(name);
    this.#positions = 0;
  }
}
