import type { Pass } from "./pipelines.ts";

/** How long the device took for a dispatch, by its own clock. */
export interface DispatchTime {
  readonly pass: Pass;
  readonly milliseconds: number;
}

const TIMESTAMP_BYTES = 8;

/** Takes the time of each dispatch of one submission; each is a pass of its own then. Destroy it afterwards. */
export class Stopwatch {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #passes: Pass[] = [];

  /** `device` has the feature `timestamp-query`. */
  constructor(device: GPUDevice, readonly most: number) {
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * most });
    this.#resolved = device.createBuffer({
      label: "timestamps",
      size: this.bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Bytes of all timestamps. */
  get bytes(): number {
    return 2 * this.most * TIMESTAMP_BYTES;
  }

  /** For the pass that holds the next dispatch alone. */
  next(pass: Pass): GPUComputePassTimestampWrites {
    const place = 2 * this.#passes.length;
    this.#passes.push(pass);
    return { querySet: this.#queries, beginningOfPassWriteIndex: place, endOfPassWriteIndex: place + 1 };
  }

  /** Copies all timestamps to `target`, behind what is encoded so far. */
  copy(encoder: GPUCommandEncoder, target: GPUBuffer, at: number): void {
    encoder.resolveQuerySet(this.#queries, 0, 2 * this.most, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, target, at, this.bytes);
  }

  /** The times from what was copied, in nanoseconds. */
  times(copied: ArrayBuffer): DispatchTime[] {
    const stamps = new BigUint64Array(copied);
    return this.#passes.map((pass, k) => ({ pass, milliseconds: Number(stamps[2 * k + 1] - stamps[2 * k]) / 1e6 }));
  }

  destroy(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
