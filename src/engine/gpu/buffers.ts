import { RunError } from "../../errors.ts";

/** What of a shape leads to too large a buffer, for the hint. */
const SMALLER = "Use smaller batches, shorter sequences or a smaller model, or --device cpu.";

/** Buffers of one device, by name; all are destroyed at the end, since no collector frees them. */
export class Buffers {
  readonly #held = new Map<string, GPUBuffer>();

  constructor(readonly device: GPUDevice) {}

  /** The buffer `name` of at least `bytes`; a larger one replaces it when it is too small, content lost. */
  need(name: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const held = this.#held.get(name);
    if (held !== undefined && held.size >= bytes) return held;
    held?.destroy();
    const grown = held === undefined ? bytes : Math.ceil(bytes * 1.25);
    const buffer = this.device.createBuffer({ label: name, size: this.#checked(name, bytes, grown), usage });
    this.#held.set(name, buffer);
    return buffer;
  }

  get(name: string): GPUBuffer {
    const buffer = this.#held.get(name);
    if (buffer === undefined) throw new Error(`There is no buffer ${name}`);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.#held.values()) buffer.destroy();
    this.#held.clear();
  }

  /** Throws RunError that names the limit when `bytes` are too many; else `grown`, as far as it fits. */
  #checked(name: string, bytes: number, grown: number): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    for (const [limit, most] of Object.entries({ maxBufferSize, maxStorageBufferBindingSize })) {
      if (bytes > most) {
        throw new RunError(
          `Cannot run the batch on this GPU: ${name} needs ${bytes} bytes, the adapter's ${limit} is ${most}`,
          SMALLER,
        );
      }
    }
    const size = Math.min(grown, maxBufferSize, maxStorageBufferBindingSize);
    return Math.max(16, 16 * Math.floor((size + 15) / 16));
  }
}
