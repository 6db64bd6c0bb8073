import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { ObjectiveSettings, SequenceTrace } from "../engine.ts";
import type { Precision } from "../precision.ts";
import type { Ending, HaltPlaces } from "./batch_run.ts";
import type { BatchWords } from "./batch_words.ts";
import { epsilonProgram } from "./epsilon_program.ts";
import type { Keeping } from "./fields.ts";
import type { GpuLayout } from "./layout.ts";
import type { Pass } from "./pipelines.ts";
import type { Span } from "./recorder.ts";
import type { PipelineSpec } from "./shaders.ts";
import { type Storage, STORAGES } from "./storage.ts";
import { vanillaProgram } from "./vanilla_program.ts";

/** What the sequences of a batch go through. */
export interface SequenceWork {
  readonly batch: PackedBatch;
  readonly words: BatchWords;
  readonly objective: ObjectiveSettings;
  readonly keeping: Keeping;
  readonly ending: Ending;
  readonly halt: HaltPlaces;
  /** Whether the step ends with an update of the weights. */
  readonly trains: boolean;
  /** Of a workgroup. */
  readonly threads: number;
}

/** What a model has of its own on the device: its kernels, and where they find what. */
export interface GpuProgram {
  readonly storage: Storage;
  readonly layout: GpuLayout;
  /** Every pipeline as it is made for workgroups of `threads` threads. */
  passes(threads: number): Readonly<Record<Pass, PipelineSpec>>;
  /** Bytes of workgroup memory that a sequence takes. */
  workgroupBytes(threads: number): number;
  /** Vectors of `store` that a workgroup needs in the form `inStorage`. */
  sharedVectors(threads: number): number;
  /** The passes of a training step over its sequences. */
  readonly trainPasses: readonly Pass[];
  /** Blocks of reduce.wgsl for weights behind a spectral norm. */
  readonly spectralBlocks: number;
  /** The packed weights have this many bytes at least, so that every view of them lies within. */
  readonly leastPackedBytes: number;
  /** Vectors of `rows`, floats of `halt` before its results, and words of `lists`, of a token. */
  rowVectors(keeping: Keeping): number;
  readonly haltFloats: number;
  listWords(keeping: Keeping): number;
  /** The uniform `settings` of the sequences' pass. */
  sequenceUniform(work: SequenceWork): ArrayBuffer;
  /** What a prediction keeps beside its results, and the step counts [tokens] from that. */
  stepSpans(batch: PackedBatch): Span[];
  haltingSteps(batch: PackedBatch, kept: readonly Float32Array<ArrayBuffer>[]): Uint8Array;
  /** What a trace keeps beside its results, and the traces from that. */
  traceSpans(batch: PackedBatch): Span[];
  traces(batch: PackedBatch, kept: readonly Float32Array<ArrayBuffer>[]): SequenceTrace[];
}

/** The program of the model that `config` describes. */
export function programOf(config: ModelConfig, precision: Precision = "f32"): GpuProgram {
  const storage = STORAGES[precision];
  return config.model === "vanilla" ? vanillaProgram(config, storage) : epsilonProgram(config, storage);
}
