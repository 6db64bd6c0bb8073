import { availableParallelism } from "node:os";
import { headerAddress, type HeaderFloat, type HeaderInteger, RESULT_FIELDS } from "../../kernels/header.ts";
import type { PackedBatch } from "../data/packed_batch.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { dropoutKey, dropoutThreshold } from "../model/dropout.ts";
import { addGradientNoise } from "../model/gradient_noise.ts";
import { noiseLevel, type NoiseSettings } from "../model/noise.ts";
import { normalQuantiles, QUANTILES } from "../model/normal_quantiles.ts";
import { clipFactor } from "../model/reference/adamw.ts";
import { pow } from "../model/elementary.ts";
import { HALT_THRESHOLD, haltThreshold } from "../model/reference/halting.ts";
import { logPrior } from "../model/reference/objective.ts";
import type { ModelState } from "../model/state.ts";
import { type TensorTable, tensorTable } from "../model/tensors.ts";
import { checkBatch } from "./batch_check.ts";
import { type BatchPlaces, placeBatch, PositionTable } from "./cpu/batch_places.ts";
import { Job, Word } from "./cpu/control.ts";
import { type ModelLayout, modelLayout } from "./cpu/layout.ts";
import { compileModule, Want } from "./cpu/module.ts";
import { type OnMemory, Threads, type ThreadsOptions } from "./cpu/threads.ts";
import { traceSequence } from "./cpu/trace.ts";
import { traceStack } from "./cpu/vanilla_trace.ts";
import type {
  Engine,
  GradientResult,
  Losses,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAdjustment,
  StepAid,
  StepResult,
  StepSettings,
} from "./engine.ts";
import type { Numerics } from "./numerics.ts";

export interface CpuEngineOptions {
  /** Threads, the calling one included; 0 means one a core. */
  readonly threads: number;
  readonly numerics?: Numerics;
  /** Kernels in the place of the shipped ones, for tests that break them. */
  readonly module?: WebAssembly.Module;
  /** Is given every memory that the engine reserves, for tests that spoil or inspect it. */
  readonly onMemory?: OnMemory;
}

const SLABS = ["parameters", "buffers", "firstMoment", "secondMoment"] as const;
type Slab = typeof SLABS[number];

/** Parameters of one AdamW task: enough to be worth taking, few enough to share. */
const ADAMW_BLOCK = 32768;

/** A first reservation: the paper's run fits, and untouched memory costs nothing. */
const FIRST_BYTES = 256 * 2 ** 20;

/** Bytes that 32-bit addresses reach. */
const ADDRESSABLE = 2 ** 32;

const NO_OBJECTIVE: ObjectiveSettings = { klScale: 1, dropout: 0, seed: 0 };

/** WASM SIMD kernels on all cores; a sequence is a task, results do not depend on the number of threads. */
export class CpuEngine implements Engine {
  readonly kind = "cpu";
  readonly #config: ModelConfig;
  readonly #table: TensorTable;
  readonly #layout: ModelLayout;
  readonly #numerics: Numerics;
  readonly #options: ThreadsOptions;
  readonly #positions: PositionTable;
  #threads: Threads;
  #step = 0;
  #quantilesWritten = false;

  private constructor(
    config: ModelConfig,
    table: TensorTable,
    layout: ModelLayout,
    numerics: Numerics,
    options: ThreadsOptions,
    threads: Threads,
  ) {
    this.#config = config;
    this.#table = table;
    this.#layout = layout;
    this.#numerics = numerics;
    this.#options = options;
    this.#positions = new PositionTable(config.dModel);
    this.#threads = threads;
    this.#writeHeader(layout.integers, layout.floats);
    const { priorLogarithms } = layout.integers;
    if (priorLogarithms !== undefined) this.#floats(priorLogarithms, config.maxLayers + 1).set(logPrior(config));
  }

  /** Starts the threads; all weights are zero until `upload`. `config` must be valid. Throws RunError without memory. */
  static async open(
    config: ModelConfig,
    { threads, numerics = "fast", module = compileModule(numerics), onMemory }: CpuEngineOptions,
  ): Promise<CpuEngine> {
    const table = tensorTable(config);
    const layout = modelLayout(config, table);
    const count = threads > 0 ? threads : availableParallelism();
    const options = { count, module, onMemory };
    const started = await Threads.start(options, layout.end + FIRST_BYTES);
    return new CpuEngine(config, table, layout, numerics, options, started);
  }

  get description(): string {
    const { count } = this.#threads;
    const fused = this.#numerics === "fast" ? "relaxed multiply-add" : "strict rounding";
    return `CPU, WASM SIMD (${fused}), ${count} ${count === 1 ? "thread" : "threads"}`;
  }

  get arithmetic(): string {
    // (1 + 2⁻¹²)² − (1 + 2⁻¹¹) is 2⁻²⁴, or 0 where the product is rounded first.
    const rest = this.#threads.kernels.multiplyAdd(1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11);
    return `float32 ${rest === 0 ? "rounded" : "fused"}`;
  }

  // deno-lint-ignore require-await -- so that every error arrives as a rejection
  async upload({ weights, optimizer }: ModelState): Promise<void> {
    const slabs: Record<Slab, Float32Array | Float64Array | undefined> = {
      ...weights,
      firstMoment: optimizer?.firstMoment,
      secondMoment: optimizer?.secondMoment,
    };
    for (const name of SLABS) {
      const values = slabs[name];
      if (values !== undefined && values.length !== this.#slab(name).length) {
        throw new DataError(
          `Cannot load ${name}: ${values.length} values, the model has ${this.#slab(name).length}`,
          "Use weights that were made for this configuration.",
        );
      }
    }
    for (const name of SLABS) {
      const values = slabs[name];
      if (values === undefined) this.#slab(name).fill(0);
      else this.#slab(name).set(values);
    }
    this.#step = optimizer?.step ?? 0;
  }

  download(): Promise<Required<ModelState<Float32Array>>> {
    const [parameters, buffers, firstMoment, secondMoment] = SLABS.map((name) => Float32Array.from(this.#slab(name)));
    return Promise.resolve({
      weights: { parameters, buffers },
      optimizer: { firstMoment, secondMoment, step: this.#step },
    });
  }

  async trainStep(batch: PackedBatch, settings: StepSettings, aid?: StepAid): Promise<StepResult> {
    const places = await this.#prepare(batch, settings, Want.gradient);
    this.#threads.kernels.packWeights(1);
    const sums = this.#runSequences(batch, places, Want.gradient);
    this.#reduceGradients(batch, places);
    aid?.penalize?.(this.#slab("parameters"), this.#gradient());
    const losses = this.#losses(sums, batch, settings);
    const gradNorm = Math.sqrt(this.#threads.kernels.squaredNorm(0, this.#table.parameterCount));
    const updated = Number.isFinite(losses.loss) && Number.isFinite(gradNorm);
    if (updated) {
      this.#update(places, settings, gradNorm, aid?.adjust?.(losses));
      aid?.updated?.(this.#slab("parameters"));
    } else this.#gradient().fill(0);
    const { correct, tokenSteps, noisePower: power, noisyTokens: tokens } = sums;
    return { ...losses, gradNorm, updated, correct, tokenSteps, noiseLevel: noiseLevel([{ power, tokens }]) };
  }

  async gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    const places = await this.#prepare(batch, settings, Want.gradient);
    this.#threads.kernels.packWeights(0);
    const sums = this.#runSequences(batch, places, Want.gradient);
    this.#reduceGradients(batch, places);
    const gradient = Float32Array.from(this.#gradient());
    this.#gradient().fill(0);
    return { ...this.#losses(sums, batch, settings), gradient };
  }

  async predict(batch: PackedBatch, { want, klScale, haltThreshold: asked }: PredictSettings): Promise<Prediction> {
    const settings = { ...NO_OBJECTIVE, klScale };
    const threshold = haltThreshold(asked);
    const places = await this.#prepare(batch, settings, Want[want], threshold);
    this.#threads.kernels.packWeights(0);
    const sums = this.#runSequences(batch, places, Want[want]);
    const logits = Float32Array.from(this.#floats(places.logits, batch.labels.length * this.#config.numClasses));
    const haltingSteps = Uint8Array.from(new Uint8Array(this.#buffer, places.haltingSteps, batch.tokens.length));
    const losses = want === "everything" ? this.#losses(sums, batch, settings) : undefined;
    return { logits, haltingSteps, losses };
  }

  async trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    const places = await this.#prepare(batch, NO_OBJECTIVE, Want.record);
    return this.#threads.alone((kernels) => {
      kernels.packWeights(0);
      return Array.from(batch.labels, (_, s) => {
        kernels.sequenceTask(s, places.workspaces, Want.record);
        const first = batch.offsets[s], n = batch.offsets[s + 1] - first;
        if (this.#config.model === "vanilla") return traceStack(kernels, this.#buffer, this.#config, n);
        return traceSequence(kernels, this.#buffer, this.#config, places.haltingSteps + first, n);
      });
    });
  }

  close(): Promise<void> {
    this.#threads.close();
    return Promise.resolve();
  }

  get #buffer(): ArrayBufferLike {
    return this.#threads.memory.buffer;
  }

  #floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#buffer, address, count);
  }

  #slab(name: Slab): Float32Array {
    const count = name === "buffers" ? this.#table.bufferCount : this.#table.parameterCount;
    return this.#floats(this.#layout.integers[name] ?? 0, count);
  }

  #gradient(): Float32Array {
    return this.#floats(this.#layout.integers.gradient ?? 0, this.#table.parameterCount);
  }

  #writeHeader(
    integers: Partial<Record<HeaderInteger, number>>,
    floats: Partial<Record<HeaderFloat, number>>,
  ): void {
    const view = new DataView(this.#buffer);
    for (const [name, value] of Object.entries(integers)) {
      view.setUint32(headerAddress(name as HeaderInteger), value, true);
    }
    for (const [name, value] of Object.entries(floats)) {
      view.setFloat32(headerAddress(name as HeaderFloat), value, true);
    }
  }

  /** Checks the batch, makes room for it and writes it where the kernels look. */
  async #prepare(
    batch: PackedBatch,
    settings: ObjectiveSettings,
    want: number,
    threshold: number = HALT_THRESHOLD,
  ): Promise<BatchPlaces> {
    checkBatch(this.#config, batch);
    const { tokens, offsets, labels } = batch;
    // Before the places: how much memory is wanted depends on them.
    this.#writeNoise(settings.noise);
    const places = placeBatch(this.#config, this.#layout, batch, want, this.#threads.count, this.#threads.kernels);
    if (places.end > this.#buffer.byteLength) await this.#enlarge(places.end);
    const dropped = dropoutThreshold(settings.dropout);
    this.#writeHeader(places.integers, {
      taskWeight: 1 / labels.length,
      klWeight: this.#config.klLossWeight * settings.klScale / tokens.length,
      entropyWeight: this.#config.entLossWeight / (tokens.length * this.#config.numHeads),
      dropoutScale: 1 / (1 - dropped / 65536),
      haltRemainder: 1 - threshold,
    });
    this.#writeHeader({ dropoutThreshold: dropped }, {});
    new Int32Array(this.#buffer, places.tokens, tokens.length).set(tokens);
    new Uint32Array(this.#buffer, places.offsets, offsets.length).set(offsets);
    new Uint8Array(this.#buffer, places.labels, labels.length).set(labels);
    const keys = new Uint32Array(this.#buffer, places.dropoutKeys, 2 * labels.length);
    labels.forEach((_, s) => keys.set(dropoutKey(settings.seed, this.#step, s), 2 * s));
    // The longest first, so that the threads end together.
    const length = (s: number) => offsets[s + 1] - offsets[s];
    const order = Uint32Array.from(labels.keys()).sort((a, b) => length(b) - length(a) || a - b);
    new Uint32Array(this.#buffer, places.order, labels.length).set(order);
    const positions = this.#positions.first(places.longest);
    this.#floats(places.positions, positions.length).set(positions);
    return places;
  }

  #writeNoise(noise: NoiseSettings | undefined): void {
    const gain = noise?.gain ?? 0;
    this.#writeHeader({}, {
      embeddingGain: noise?.site === "embedding" ? gain : 0,
      stateGain: noise?.site === "state" ? gain : 0,
    });
    if (gain === 0 || this.#quantilesWritten) return;
    this.#floats(this.#layout.integers.normalQuantiles ?? 0, QUANTILES).set(normalQuantiles());
    this.#quantilesWritten = true;
  }

  /** Moves to a larger memory: the threads start anew, weights and header are copied. */
  async #enlarge(bytes: number): Promise<void> {
    const old = this.#threads;
    const kept = new Uint8Array(old.memory.buffer, 0, this.#layout.end);
    this.#threads = await Threads.start(this.#options, Math.max(bytes, Math.min(ADDRESSABLE, 1.25 * bytes)));
    new Uint8Array(this.#buffer, 0, kept.length).set(kept);
    old.close();
  }

  /** Runs every sequence of the batch and sums what they report, in the batch's order. */
  #runSequences(batch: PackedBatch, places: BatchPlaces, want: number): Record<typeof RESULT_FIELDS[number], number> {
    const { board } = this.#threads;
    board[Word.want] = want;
    board[Word.order] = places.order;
    board[Word.workspaces] = places.workspaces;
    board[Word.workspaceBytes] = places.workspaceBytes;
    this.#threads.run(Job.sequences, batch.labels.length);
    const sequences = batch.labels.length;
    const values = new Float64Array(this.#buffer, places.results, sequences * RESULT_FIELDS.length);
    const sum = (field: number) => {
      let total = 0;
      for (let s = 0; s < sequences; s++) total += values[s * RESULT_FIELDS.length + field];
      return total;
    };
    return {
      taskLoss: sum(0),
      klSum: sum(1),
      entropySum: sum(2),
      correct: sum(3),
      tokenSteps: sum(4),
      applications: sum(5),
      noisePower: sum(6),
      noisyTokens: sum(7),
    };
  }

  #losses(
    sums: Record<"taskLoss" | "klSum" | "entropySum", number>,
    batch: PackedBatch,
    { klScale }: { readonly klScale: number },
  ): Losses {
    const { klLossWeight, entLossWeight, numHeads } = this.#config;
    const taskLoss = sums.taskLoss / batch.labels.length;
    const klLoss = klScale * sums.klSum / batch.tokens.length;
    const entropyLoss = sums.entropySum / (batch.tokens.length * numHeads);
    return { loss: taskLoss + klLossWeight * klLoss + entLossWeight * entropyLoss, taskLoss, klLoss, entropyLoss };
  }

  #reduceGradients(batch: PackedBatch, places: BatchPlaces): void {
    const { kernels } = this.#threads;
    kernels.unpackGradients(batch.labels.length, this.#layout.slotBytes);
    kernels.embeddingScatter(places.tokens, places.tokenGradients, batch.tokens.length);
  }

  #update(places: BatchPlaces, settings: StepSettings, gradNorm: number, adjustment?: StepAdjustment): void {
    const { learningRate, weightDecay, beta1, beta2, epsilon } = { ...settings, ...adjustment };
    const clip = clipFactor(gradNorm, settings.clipGradNorm);
    // AdamW clips as it reads the gradient, so what is added before is divided by that factor.
    const { gradientNoise = 0, gradientFactor = 1 } = adjustment ?? {};
    addGradientNoise(this.#gradient(), gradientNoise / clip, settings.seed, this.#step);
    this.#step++;
    const { board } = this.#threads;
    board[Word.blockElements] = ADAMW_BLOCK;
    board[Word.elements] = this.#table.parameterCount;
    board[Word.factors] = places.factors;
    new Float64Array(this.#buffer, places.factors, 7).set([
      clip * gradientFactor,
      1 - learningRate * weightDecay,
      learningRate / (1 - pow(beta1, this.#step)),
      1 / Math.sqrt(1 - pow(beta2, this.#step)),
      beta1,
      beta2,
      epsilon,
    ]);
    this.#threads.run(Job.adamw, Math.ceil(this.#table.parameterCount / ADAMW_BLOCK));
  }
}
