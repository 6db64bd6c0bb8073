import type { PackedBatch } from "../data/packed_batch.ts";
import { DataError, DeviceError, RunError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ModelState } from "../model/state.ts";
import { checkBatch } from "./batch_check.ts";
import type {
  Engine,
  GradientResult,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepResult,
  StepSettings,
} from "./engine.ts";
import type { AdapterChoice } from "./gpu/adapter.ts";
import type { Answer, Failure, Request } from "./gpu/messages.ts";

export interface GpuEngineOptions {
  readonly adapter?: AdapterChoice;
}

/** WGSL kernels on a GPU that lives in a worker, so that waiting for it stops nobody. */
export class GpuEngine implements Engine {
  readonly kind = "gpu";
  #description = "";
  readonly #config: ModelConfig;
  readonly #worker: Worker;
  #waiting: { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }[] = [];
  #dead: RunError | undefined;

  private constructor(config: ModelConfig) {
    this.#config = config;
    this.#worker = new Worker(new URL("./gpu/worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const call = this.#waiting.shift();
      if ("failure" in data) call?.reject(errorOf(data.failure));
      else call?.resolve(data.result);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new RunError(`Cannot go on with the GPU: ${event.message}`, "Use --device cpu."));
    };
  }

  /**
   * Opens the adapter; all weights are zero until `upload`. `config` must be valid. Throws DeviceError where there is
   * no adapter or the model exceeds its limits.
   */
  static async open(config: ModelConfig, { adapter }: GpuEngineOptions = {}): Promise<GpuEngine> {
    const engine = new GpuEngine(config);
    try {
      engine.#description = await engine.#ask({ kind: "open", config, adapter });
    } catch (error) {
      engine.#worker.terminate();
      throw error;
    }
    return engine;
  }

  get description(): string {
    return this.#description;
  }

  upload(state: ModelState): Promise<void> {
    return this.#ask({ kind: "upload", state });
  }

  download(): Promise<Required<ModelState<Float32Array>>> {
    return this.#ask({ kind: "download" });
  }

  trainStep(batch: PackedBatch, settings: StepSettings): Promise<StepResult> {
    return this.#askAbout(batch, { kind: "trainStep", batch, settings });
  }

  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    return this.#askAbout(batch, { kind: "gradient", batch, settings });
  }

  predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction> {
    if (settings.haltThreshold !== undefined) {
      return Promise.reject(
        new DeviceError("Cannot use the GPU: its kernels have no halting threshold", "Use --device cpu for this."),
      );
    }
    return this.#askAbout(batch, { kind: "predict", batch, settings });
  }

  trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    return this.#askAbout(batch, { kind: "trace", batch });
  }

  async close(): Promise<void> {
    if (this.#dead === undefined) await this.#ask({ kind: "close" });
    this.#end(new RunError("Cannot use the GPU engine: it is closed", "Open a new engine."));
  }

  // deno-lint-ignore require-await -- so that every error arrives as a rejection
  async #askAbout<T>(batch: PackedBatch, request: Request): Promise<T> {
    checkBatch(this.#config, batch);
    return this.#ask(request);
  }

  #ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead);
        return;
      }
      this.#waiting.push({ resolve: (result) => resolve(result as T), reject });
      this.#worker.postMessage(request);
    });
  }

  #end(reason: RunError): void {
    this.#dead = reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}

function errorOf({ name, message, hint = "Report this with the command that led to it." }: Failure): Error {
  switch (name) {
    case "DeviceError":
      return new DeviceError(message, hint);
    case "DataError":
      return new DataError(message, hint);
    default:
      return new RunError(message, hint);
  }
}
