import { EpsilonError, RunError } from "../../errors.ts";
import type { Buffers } from "./buffers.ts";
import { type CompiledPass, CONSTANT_BYTES, isStepwise, type Pass, type Pipelines } from "./pipelines.ts";
import { type DispatchTime, Stopwatch } from "./stopwatch.ts";
import { uniformOffset } from "./uniforms.ts";

/** A run of 4-byte words of a buffer that is to be read back. */
export interface Span {
  readonly buffer: string;
  readonly first: number;
  readonly count: number;
}

interface Dispatch {
  readonly kind: "dispatch";
  readonly pass: Pass;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly offsets: number[];
  readonly workgroups: number;
}

type Command =
  | Dispatch
  | { readonly kind: "keep"; readonly span: Span; readonly at: number }
  | { readonly kind: "clear"; readonly buffer: string };

/** A bind group and what it was made from. */
interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly windows: readonly (number | undefined)[];
  readonly group: GPUBindGroup;
}

/** Milliseconds that the news of a lost device may take after the first call that failed for it. */
const NEWS_MS = 100;

/** Collects the commands of many steps, submits them in one go, reads back once, and tells what went wrong. */
export class Recorder {
  #commands: Command[] = [];
  #kept = 0;
  readonly #bound = new Map<CompiledPass, Bound>();
  readonly #lost: Promise<string>;
  #lostReason: string | undefined;

  /** Dispatches so far. */
  dispatched = 0;
  /** Times that results were read back. */
  reads = 0;

  constructor(readonly device: GPUDevice, readonly buffers: Buffers, readonly pipelines: Pipelines) {
    this.#lost = device.lost.then(({ message }) => this.#lostReason = message);
    // Errors are caught by scopes; what comes outside of one belongs to a step that fails anyway.
    device.addEventListener("uncapturederror", (event) => event.preventDefault());
  }

  /**
   * Runs `work`, in which commands are recorded and read, and turns every fault of the device into a RunError. What was
   * recorded and not submitted is forgotten. `onFault` is told of faults that the device survives.
   */
  async guard<T>(work: () => Promise<T>, onFault: () => void): Promise<T> {
    this.device.pushErrorScope("validation");
    this.device.pushErrorScope("out-of-memory");
    const [outcome] = await Promise.allSettled([work()]);
    this.#commands = [];
    this.#kept = 0;
    const memory = await this.#endScope();
    const validation = await this.#endScope();
    const failed = outcome.status === "rejected";
    const lost = this.#lostReason ??
      (failed && !(outcome.reason instanceof EpsilonError) ? await this.#news() : undefined);
    if (lost !== undefined) throw lostDevice(lost);
    if (memory === null && validation === null && !failed) return outcome.value;
    onFault();
    if (memory !== null) throw outOfMemory(memory.message);
    if (failed && outcome.reason instanceof EpsilonError) throw outcome.reason;
    if (validation !== null) throw gpuFault(validation.message);
    throw failed && outcome.reason instanceof Error
      ? gpuFault(outcome.reason.message)
      : gpuFault("for no known reason");
  }

  /** Adds a pass over `workgroups` workgroups of `threads` threads for step `step` of the submission. */
  async dispatch(pass: Pass, workgroups: number, threads: number, step = 0): Promise<void> {
    const compiled = await this.pipelines.get(pass, threads);
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    this.#commands.push({
      kind: "dispatch",
      pass,
      pipeline: compiled.pipeline,
      group: this.#bind(compiled),
      offsets: compiled.spec.buffers.filter(isStepwise).map((name) =>
        name === "batch" ? step * (this.buffers.window(name) ?? 0) : uniformOffset(step, name)
      ),
      workgroups: Math.min(workgroups, most),
    });
  }

  /** Keeps `span` as it is behind what was recorded so far; `read` returns it. */
  keep(span: Span): void {
    this.#commands.push({ kind: "keep", span, at: this.#kept });
    this.#kept += 4 * span.count;
  }

  /** Zeroes a buffer behind what was recorded so far. */
  clear(buffer: string): void {
    this.#commands.push({ kind: "clear", buffer });
  }

  /** As `read`, with the time of each dispatch by the device's clock. Only where `canTime`. */
  async readTimed(): Promise<{ spans: Float32Array<ArrayBuffer>[]; times: DispatchTime[] }> {
    const stopwatch = new Stopwatch(this.device, this.#commands.filter(({ kind }) => kind === "dispatch").length);
    try {
      const { spans, rest } = await this.#submit(stopwatch);
      return { spans, times: stopwatch.times(rest) };
    } finally {
      stopwatch.destroy();
    }
  }

  /** Whether the device can tell the time of a dispatch. */
  get canTime(): boolean {
    return this.device.features.has("timestamp-query");
  }

  /** Submits what was recorded and returns the spans that were kept, in their order. */
  async read(): Promise<Float32Array<ArrayBuffer>[]> {
    return (await this.#submit()).spans;
  }

  /** Submits what was recorded; `rest` are the timestamps, if any are taken. */
  async #submit(stopwatch?: Stopwatch): Promise<{ spans: Float32Array<ArrayBuffer>[]; rest: ArrayBuffer }> {
    // Timestamps lie at multiples of eight bytes.
    const commands = this.#commands, end = 8 * Math.ceil(this.#kept / 8), bytes = end + (stopwatch?.bytes ?? 0);
    const staging = this.buffers.need("staging", bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, 0);
    const encoder = this.device.createCommandEncoder();
    this.#encode(encoder, commands, staging, stopwatch);
    stopwatch?.copy(encoder, staging, end);
    this.device.queue.submit([encoder.finish()]);
    this.#commands = [];
    this.#kept = 0;
    this.reads++;
    // Only behind this may the range be asked for: before, Deno ends the process.
    await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const range = staging.getMappedRange(0, bytes);
    const spans = commands.flatMap((command) =>
      command.kind === "keep" ? [new Float32Array(range.slice(command.at, command.at + 4 * command.span.count))] : []
    );
    const rest = range.slice(end);
    staging.unmap();
    return { spans, rest };
  }

  #encode(encoder: GPUCommandEncoder, commands: readonly Command[], staging: GPUBuffer, stopwatch?: Stopwatch): void {
    let pass: GPUComputePassEncoder | undefined;
    const end = () => {
      pass?.end();
      pass = undefined;
    };
    for (const command of commands) {
      if (command.kind === "dispatch") {
        if (stopwatch !== undefined) end();
        pass ??= encoder.beginComputePass(stopwatch && { timestampWrites: stopwatch.next(command.pass) });
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group, command.offsets);
        pass.dispatchWorkgroups(command.workgroups);
        this.dispatched++;
        continue;
      }
      end();
      if (command.kind === "clear") {
        encoder.clearBuffer(this.buffers.get(command.buffer));
      } else {
        const { span: { buffer, first, count }, at } = command;
        encoder.copyBufferToBuffer(this.buffers.get(buffer), 4 * first, staging, at, 4 * count);
      }
    }
    end();
  }

  /** The pass's bind group, made anew only where a buffer was replaced. */
  #bind(pass: CompiledPass): GPUBindGroup {
    const { bindings, spec: { buffers: bound, views = {} } } = pass;
    const names = bound.map((name) => name.endsWith("Uniform") ? "uniforms" : name in views ? "packed" : name);
    const buffers = names.map((name) => this.buffers.get(name));
    const windows = names.map((name) => this.buffers.window(name));
    const made = this.#bound.get(pass);
    if (made?.buffers.every((buffer, i) => buffer === buffers[i] && made.windows[i] === windows[i])) return made.group;
    const group = this.device.createBindGroup({
      label: pass.spec.entryPoint,
      layout: bindings,
      entries: buffers.map((buffer, binding) => ({
        binding,
        resource: { buffer, ...partOf(views[bound[binding]], windows[binding]) },
      })),
    });
    this.#bound.set(pass, { buffers, windows, group });
    return group;
  }

  /** The error of the innermost scope; null where there is none, or a lost device cannot tell. */
  async #endScope(): Promise<GPUError | null> {
    return await this.device.popErrorScope().catch(() => null);
  }

  /** Why the device is lost; undefined when it is not. */
  async #news(): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), NEWS_MS));
    const news = await Promise.race([this.#lost, patience]);
    clearTimeout(timer);
    return news;
  }
}

/** What of a buffer a binding sees: a view from byte `view` on, a window that moves, or all. */
function partOf(
  view: number | undefined,
  window: number | undefined,
): { readonly offset?: number; readonly size?: number } {
  if (view !== undefined) return { offset: view, size: CONSTANT_BYTES };
  return window === undefined ? {} : { size: window };
}

const HINT = "Try smaller batches, see epsilon doctor, or use --device cpu.";

function gpuFault(reason: string): RunError {
  return new RunError(`Cannot go on with the GPU: ${firstLine(reason)}`, HINT);
}

function lostDevice(reason: string): RunError {
  const details = reason === "" ? "" : `: ${firstLine(reason)}`;
  return new RunError(
    `Cannot go on with the GPU: the device was lost${details}`,
    "Its driver gave up, was updated or ran into a time limit: try again, with smaller batches, or use --device cpu.",
  );
}

function outOfMemory(reason: string): RunError {
  return new RunError(
    `Cannot go on with the GPU: it is out of memory: ${firstLine(reason)}`,
    "Use smaller batches, shorter sequences or a smaller model, or --device cpu.",
  );
}

const firstLine = (text: string): string => text.trim().split("\n")[0];
