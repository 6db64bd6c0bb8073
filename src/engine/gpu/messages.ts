import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { ModelState } from "../../model/state.ts";
import type { ObjectiveSettings, PredictSettings, StepAdjustment, TrainingStep } from "../engine.ts";
import type { GpuOptions } from "./adapter.ts";

/** What the host can read while a step is under way, in the order of the tensor table. */
export type ReadableSlab = "parameters" | "gradient";

/** What the host asks of the worker that holds the GPU; answers come in the same order. */
export type Request =
  | { readonly kind: "open"; readonly config: ModelConfig; readonly options: GpuOptions }
  | { readonly kind: "upload"; readonly state: ModelState }
  | { readonly kind: "download" }
  | { readonly kind: "trainSteps"; readonly steps: readonly TrainingStep[] }
  | { readonly kind: "beginStep"; readonly step: TrainingStep }
  | { readonly kind: "readSlabs"; readonly slabs: readonly ReadableSlab[] }
  | { readonly kind: "replaceGradient"; readonly gradient: Float32Array<ArrayBuffer> }
  | { readonly kind: "finishStep"; readonly adjustment: StepAdjustment | undefined }
  | { readonly kind: "profile"; readonly step: TrainingStep }
  | { readonly kind: "gradient"; readonly batch: PackedBatch; readonly settings: ObjectiveSettings }
  | { readonly kind: "predictBatches"; readonly batches: readonly PackedBatch[]; readonly settings: PredictSettings }
  | { readonly kind: "trace"; readonly batch: PackedBatch }
  | { readonly kind: "close" };

/** The answer to `open`. */
export interface Opened {
  readonly description: string;
  /** Of a workgroup that takes sequences of usual length. */
  readonly threads: number;
  /** Whether sums over a workgroup are made by subgroups. */
  readonly subgroups: boolean;
}

/** An error on its way to the host. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
}

/** What the worker tells: an answer, or that it cannot go on because of an error that nobody caught. */
export type Message = { readonly result: unknown } | { readonly failure: Failure } | { readonly crash: string };
