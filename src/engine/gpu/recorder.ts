import { RunError } from "../../errors.ts";
import type { Buffers } from "./buffers.ts";
import { BINDINGS, CONSTANT_BYTES, CONSTANTS, type Pass, type Pipelines } from "./pipelines.ts";

/** A run of 4-byte words of a buffer that is to be read back. */
export interface Span {
  readonly buffer: string;
  readonly first: number;
  readonly count: number;
}

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly groups: number;
}

/** A bind group and the buffers that it was made from. */
interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

/** Collects dispatches into one pass, submits them when something is read, and tells what went wrong. */
export class Recorder {
  readonly #dispatches: Dispatch[] = [];
  readonly #bound = new Map<Pass, Bound>();
  #fault: RunError | undefined;
  #closed = false;

  /** Dispatches so far. */
  dispatched = 0;

  constructor(readonly device: GPUDevice, readonly buffers: Buffers, readonly pipelines: Pipelines) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      if (!(event instanceof GPUUncapturedErrorEvent)) return;
      const kind = event.error instanceof GPUOutOfMemoryError ? "it is out of memory" : event.error.message;
      this.#fault ??= gpuFault(kind.split("\n")[0]);
    });
    device.lost.then(({ message }) => {
      if (!this.#closed) this.#fault = gpuFault(`the device was lost${message === "" ? "" : `: ${message}`}`);
    });
  }

  /** Adds a pass over `groups` workgroups. */
  async dispatch(pass: Pass, groups: number): Promise<void> {
    const pipeline = await this.pipelines.get(pass);
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    this.#dispatches.push({ pipeline, bindings: this.#bind(pass, pipeline), groups: Math.min(groups, most) });
  }

  /** Submits what was recorded, reads `spans` and then zeroes the buffers `cleared`. Throws RunError. */
  async read(spans: readonly Span[], cleared: readonly string[] = []): Promise<Float32Array<ArrayBuffer>[]> {
    const bytes = spans.reduce((sum, { count }) => sum + 4 * count, 0);
    const staging = this.buffers.need("staging", bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    const encoder = this.device.createCommandEncoder();
    this.#encode(encoder);
    let at = 0;
    for (const { buffer, first, count } of spans) {
      encoder.copyBufferToBuffer(this.buffers.get(buffer), 4 * first, staging, at, 4 * count);
      at += 4 * count;
    }
    for (const name of cleared) encoder.clearBuffer(this.buffers.get(name));
    this.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    } catch (cause) {
      throw this.#fault ?? gpuFault(cause instanceof Error ? cause.message : String(cause));
    }
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    if (this.#fault !== undefined) throw this.#fault;
    let from = 0;
    return spans.map(({ count }) => {
      from += 4 * count;
      return new Float32Array(copy.slice(from - 4 * count, from));
    });
  }

  close(): void {
    this.#closed = true;
    this.device.destroy();
  }

  #encode(encoder: GPUCommandEncoder): void {
    if (this.#dispatches.length === 0) return;
    const pass = encoder.beginComputePass();
    for (const { pipeline, bindings, groups } of this.#dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(groups);
    }
    pass.end();
    this.dispatched += this.#dispatches.length;
    this.#dispatches.length = 0;
  }

  /** The pass's bind group, made anew only where a buffer was replaced. */
  #bind(pass: Pass, pipeline: GPUComputePipeline): GPUBindGroup {
    const buffers = BINDINGS[pass].map((name) => this.buffers.get(name === CONSTANTS ? "packed" : name));
    const bound = this.#bound.get(pass);
    if (bound?.buffers.every((buffer, i) => buffer === buffers[i])) return bound.group;
    const group = this.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({
        binding,
        resource: BINDINGS[pass][binding] === CONSTANTS ? { buffer, size: CONSTANT_BYTES } : { buffer },
      })),
    });
    this.#bound.set(pass, { buffers, group });
    return group;
  }
}

function gpuFault(reason: string): RunError {
  return new RunError(
    `Cannot go on with the GPU: ${reason}`,
    "Try smaller batches, see epsilon doctor, or use --device cpu.",
  );
}
