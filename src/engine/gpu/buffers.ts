import { RunError } from "../../errors.ts";

/** What of a shape leads to too large a buffer, for the hint. */
const SMALLER = "Use smaller batches, shorter sequences or a smaller model, or --device cpu.";

/** A buffer, and how many bytes a binding sees of it at a time: all where undefined. */
interface Held {
  readonly buffer: GPUBuffer;
  readonly window: number | undefined;
}

/** What can be written to a buffer: a driver may end the process over a write beyond its source or target. */
type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** Buffers of one device, by name; all are destroyed at the end, since no collector frees them. */
export class Buffers {
  readonly #held = new Map<string, Held>();

  constructor(readonly device: GPUDevice) {}

  /** Buffers that take memory on the device. */
  get count(): number {
    return this.#held.size;
  }

  /** Bytes that they take. */
  get bytes(): number {
    return [...this.#held.values()].reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  /**
   * The buffer `name` of at least `bytes`; a larger one replaces it when it is too small, content lost. `window` are the
   * bytes that a binding sees of it at a time. Throws RunError when a limit of the device is lower.
   */
  need(name: string, bytes: number, usage: GPUBufferUsageFlags, window?: number): GPUBuffer {
    const held = this.#held.get(name);
    if (held !== undefined && held.buffer.size >= bytes) {
      if (held.window !== window) this.#held.set(name, { buffer: held.buffer, window });
      return held.buffer;
    }
    const grown = held === undefined ? bytes : Math.ceil(bytes * 1.25);
    const size = this.#checked(name, bytes, grown, window);
    this.release(name);
    const buffer = this.device.createBuffer({ label: name, size, usage });
    this.#held.set(name, { buffer, window });
    return buffer;
  }

  get(name: string): GPUBuffer {
    return this.#find(name).buffer;
  }

  /** Bytes that a binding sees of `name`; undefined for all of them. */
  window(name: string): number | undefined {
    return this.#find(name).window;
  }

  /** Writes all of `values` to `name`, from byte `offset` on. */
  write(name: string, values: Words, offset = 0): void {
    const buffer = this.get(name);
    // Deno ends the process over nothing.
    if (values.byteLength === 0) return;
    if (offset + values.byteLength > buffer.size || values.byteLength % 4 !== 0 || offset % 4 !== 0) {
      throw new RangeError(`${values.byteLength} bytes at ${offset} of ${name} do not fit its ${buffer.size}`);
    }
    this.device.queue.writeBuffer(buffer, offset, values);
  }

  /** Frees `name`, if it is there. */
  release(name: string): void {
    this.#held.get(name)?.buffer.destroy();
    this.#held.delete(name);
  }

  destroy(): void {
    for (const name of [...this.#held.keys()]) this.release(name);
  }

  #find(name: string): Held {
    const held = this.#held.get(name);
    if (held === undefined) throw new Error(`There is no buffer ${name}`);
    return held;
  }

  /** `grown` bytes, as far as they fit. Throws RunError that names the limit when `bytes` do not. */
  #checked(name: string, bytes: number, grown: number, window: number | undefined): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const bound = window ?? bytes;
    for (
      const [limit, most, needed] of [
        ["maxBufferSize", maxBufferSize, inVectors(bytes)],
        ["maxStorageBufferBindingSize", maxStorageBufferBindingSize, inVectors(bound)],
      ] as const
    ) {
      if (needed <= most) continue;
      throw new RunError(
        `Cannot run the batch on this GPU: ${name} needs ${needed} bytes, the adapter's ${limit} is ${most}`,
        SMALLER,
      );
    }
    const most = window === undefined ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    return Math.max(16, Math.min(inVectors(grown), 16 * Math.floor(most / 16)));
  }
}

/** `bytes` as whole vectors of four floats. */
const inVectors = (bytes: number): number => 16 * Math.ceil(bytes / 16);
