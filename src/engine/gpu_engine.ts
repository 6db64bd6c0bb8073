import { Worker } from "node:worker_threads";
import type { PackedBatch } from "../data/packed_batch.ts";
import { DataError, DeviceError, LengthError, RunError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { haltThreshold } from "../model/reference/halting.ts";
import type { ModelState } from "../model/state.ts";
import { checkBatch } from "./batch_check.ts";
import type {
  Engine,
  GradientResult,
  ObjectiveSettings,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAid,
  StepResult,
  StepSettings,
  TrainingStep,
} from "./engine.ts";
import type { Failure, Message, Opened, Request } from "./gpu/messages.ts";
import type { GpuOptions } from "./gpu/adapter.ts";
import { type Precision, precisionOf } from "./precision.ts";
import type { DispatchTime } from "./gpu/stopwatch.ts";

export interface GpuEngineOptions extends GpuOptions {
  /** Worker in the place of the shipped one, for tests that break it. */
  readonly worker?: URL;
}

const WORKER = new URL("./gpu/worker.ts", import.meta.url);

/**
 * Workers that wait for the next engine. They are not ended: a thread that ends gives its device back to the driver, and
 * where the process ends meanwhile, drivers crash.
 */
const parked: Worker[] = [];

const CLOSED = new RunError("Cannot use the GPU engine: it is closed", "Open a new engine.");

/** WGSL kernels on a GPU that lives in a worker, so that waiting for it stops nobody. */
export class GpuEngine implements Engine {
  readonly kind = "gpu";
  #opened: Opened = { description: "", threads: 0, subgroups: false };
  readonly #config: ModelConfig;
  readonly #worker: Worker;
  #waiting: { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }[] = [];
  #dead: RunError | undefined;

  private constructor(config: ModelConfig, worker: URL) {
    this.#config = config;
    this.#worker = (worker === WORKER ? parked.pop() : undefined) ?? new Worker(worker);
    this.#worker.ref();
    this.#worker.on("message", (message: Message) => {
      if ("crash" in message) {
        this.#end(stopped(message.crash));
        return;
      }
      const call = this.#waiting.shift();
      if ("failure" in message) call?.reject(errorOf(message.failure));
      else call?.resolve(message.result);
    });
    this.#worker.on("messageerror", (error: Error) => this.#end(stopped(error.message)));
    this.#worker.on("error", (error: Error) => this.#end(stopped(error.message)));
    this.#worker.on("exit", () => this.#end(stopped("its worker ended")));
  }

  /**
   * Opens the adapter; all weights are zero until `upload`. `config` must be valid. Throws DeviceError where there is
   * no adapter or the model exceeds its limits.
   */
  static async open(config: ModelConfig, { worker = WORKER, ...options }: GpuEngineOptions = {}): Promise<GpuEngine> {
    const engine = new GpuEngine(config, worker);
    try {
      engine.#opened = await engine.#ask({ kind: "open", config, options });
    } catch (error) {
      engine.#end(CLOSED);
      throw error;
    }
    return engine;
  }

  /** In which it keeps activations and weights. */
  get precision(): Precision {
    return precisionOf(this.arithmetic);
  }

  /** Whether it sums over a workgroup by subgroups. */
  get sumsBySubgroups(): boolean {
    return this.#opened.subgroups;
  }

  get description(): string {
    return this.#opened.description;
  }

  /** The adapter's: its driver decides. */
  get arithmetic(): string {
    return this.#opened.description;
  }

  /** Threads of a workgroup on this adapter. */
  get workgroupThreads(): number {
    return this.#opened.threads;
  }

  upload(state: ModelState): Promise<void> {
    return this.#ask({ kind: "upload", state });
  }

  download(): Promise<Required<ModelState<Float32Array>>> {
    return this.#ask({ kind: "download" });
  }

  async trainStep(batch: PackedBatch, settings: StepSettings, aid?: StepAid): Promise<StepResult> {
    if (aid === undefined) {
      const [result] = await this.trainSteps([{ batch, settings }]);
      return result;
    }
    const objective = await this.#askAbout<StepResult>([batch], { kind: "beginStep", step: { batch, settings } });
    const begun = aid.penalize === undefined ? objective : await this.#penalize(objective, aid.penalize);
    const adjustment = begun.updated ? aid.adjust?.(begun) : undefined;
    const finished = await this.#ask<Pick<StepResult, "gradNorm" | "updated">>({ kind: "finishStep", adjustment });
    if (finished.updated && aid.updated !== undefined) {
      const [parameters] = await this.#ask<Float32Array[]>({ kind: "readSlabs", slabs: ["parameters"] });
      aid.updated(parameters);
    }
    return { ...begun, ...finished };
  }

  /** Lets the host add to the gradient of the step begun. */
  async #penalize(begun: StepResult, penalize: NonNullable<StepAid["penalize"]>): Promise<StepResult> {
    const slabs = ["parameters", "gradient"] as const;
    const [parameters, gradient] = await this.#ask<Float32Array<ArrayBuffer>[]>({ kind: "readSlabs", slabs });
    penalize(parameters, gradient);
    const gradNorm = await this.#ask<number>({ kind: "replaceGradient", gradient });
    return { ...begun, gradNorm, updated: Number.isFinite(begun.loss) && Number.isFinite(gradNorm) };
  }

  async trainSteps(steps: readonly TrainingStep[]): Promise<StepResult[]> {
    if (steps.every(({ aid }) => aid === undefined)) {
      return await this.#askAbout(steps.map(({ batch }) => batch), { kind: "trainSteps", steps });
    }
    // What an aid does depends on what the step gave.
    const results: StepResult[] = [];
    for (const { batch, settings, aid } of steps) {
      results.push(await this.trainStep(batch, settings, aid));
      if (!results[results.length - 1].updated) break;
    }
    return results;
  }

  /**
   * Takes a training step and tells the milliseconds of its dispatches by the adapter's clock; undefined where it has no
   * timestamps. The optimizer's step number stays, so that it is of use for measurements only.
   */
  profile(step: TrainingStep): Promise<DispatchTime[] | undefined> {
    return this.#askAbout([step.batch], { kind: "profile", step });
  }

  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    return this.#askAbout([batch], { kind: "gradient", batch, settings });
  }

  async predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction> {
    const [prediction] = await this.predictBatches([batch], settings);
    return prediction;
  }

  async predictBatches(batches: readonly PackedBatch[], settings: PredictSettings): Promise<Prediction[]> {
    const threshold = haltThreshold(settings.haltThreshold);
    return await this.#askAbout(batches, {
      kind: "predictBatches",
      batches,
      settings: { ...settings, haltThreshold: threshold },
    });
  }

  trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    return this.#askAbout([batch], { kind: "trace", batch });
  }

  async close(): Promise<void> {
    // A worker that cannot answer any more holds nothing that its end does not free.
    if (this.#dead === undefined) await this.#ask({ kind: "close" }).then(() => this.#park(), () => {});
    this.#end(CLOSED);
  }

  /** Leaves the worker, which holds no GPU any more, to the next engine. */
  #park(): void {
    if (this.#dead !== undefined) return;
    this.#dead = CLOSED;
    this.#worker.removeAllListeners();
    this.#worker.unref();
    parked.push(this.#worker);
  }

  // deno-lint-ignore require-await -- so that every error arrives as a rejection
  async #askAbout<T>(batches: readonly PackedBatch[], request: Request): Promise<T> {
    for (const batch of batches) checkBatch(this.#config, batch);
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

  /** From now on every call is answered with `reason`, unless there is an earlier one. */
  #end(reason: RunError): void {
    const first = this.#dead === undefined;
    this.#dead ??= reason;
    if (first) this.#worker.terminate();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#dead);
  }
}

function stopped(reason: string): RunError {
  return new RunError(
    `Cannot go on with the GPU: ${reason.split("\n")[0]}`,
    "Report this with the command that led to it, and use --device cpu.",
  );
}

function errorOf({ name, message, hint = "Report this with the command that led to it." }: Failure): Error {
  switch (name) {
    case "DeviceError":
      return new DeviceError(message, hint);
    case "DataError":
      return new DataError(message, hint);
    case "LengthError":
      return new LengthError(message, hint);
    default:
      return new RunError(message, hint);
  }
}
