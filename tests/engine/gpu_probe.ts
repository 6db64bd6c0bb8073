import type { GpuOptions } from "../../src/engine/gpu/adapter.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
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
} from "../../src/engine/engine.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import type { ModelState } from "../../src/model/state.ts";

/** Buffers whose content must last from call to call; everything else is scratch or written by each call. */
export const LASTING = [
  ...["parameters", "buffers", "firstMoment", "secondMoment"],
  // Zero between calls: only the rows of a batch's tokens are written.
  "gradient",
  // Tables that the host writes once, and the weights as the sequences read them.
  ...["packedPlaces", "slotPlaces", "packed", "positions", "quantiles"],
];

/** All buffers of this process that live, the newest of a label last. */
const made = new Map<GPUBuffer, GPUDevice>();

/** Word that fills every new buffer. */
let filling: number | undefined;

const createBuffer = GPUDevice.prototype.createBuffer;
GPUDevice.prototype.createBuffer = function (descriptor) {
  const buffer = createBuffer.call(this, descriptor);
  made.set(buffer, this);
  if (filling !== undefined && descriptor.label !== "gradient") fill(this, buffer, filling);
  return buffer;
};
/** A buffer that is neither filled nor listed. */
export function createHiddenBuffer(device: GPUDevice, descriptor: GPUBufferDescriptor): GPUBuffer {
  return createBuffer.call(device, descriptor);
}

const destroyBuffer = GPUBuffer.prototype.destroy;
GPUBuffer.prototype.destroy = function () {
  made.delete(this);
  destroyBuffer.call(this);
};

function fill(device: GPUDevice, buffer: GPUBuffer, word: number): void {
  if ((buffer.usage & GPUBufferUsage.COPY_DST) === 0) return;
  device.queue.writeBuffer(buffer, 0, new Uint32Array(Math.floor(buffer.size / 4)).fill(word));
}

/** What stands in place of a shader file's text in modules that are made from now on. */
const changed = new Map<string, (source: string) => string>();

const createShaderModule = GPUDevice.prototype.createShaderModule;
GPUDevice.prototype.createShaderModule = function (descriptor) {
  const change = changed.get(descriptor.label ?? "");
  return createShaderModule.call(this, change ? { ...descriptor, code: change(descriptor.code) } : descriptor);
};

/** Lets every device of this process compile `change(source)` in place of `file`, until it is disposed of. */
export function withShader(file: string, change: (source: string) => string): Disposable {
  changed.set(file, change);
  return { [Symbol.dispose]: () => void changed.delete(file) };
}

export interface ProbeOptions extends GpuOptions {
  /** What the adapter says of this limit in place of the truth, so that small sizes meet it. */
  readonly limits?: Partial<Record<keyof GPUSupportedLimits, number>>;
  /** Fills all scratch memory before each call, and all memory before the first. */
  readonly poison?: number;
}

/** The GPU engine without its worker, so that a test reaches its device. */
export class GpuProbe implements Engine {
  readonly kind = "gpu";

  private constructor(readonly model: GpuModel, readonly options: ProbeOptions) {}

  static async open(config: ModelConfig, options: ProbeOptions = {}): Promise<GpuProbe> {
    filling = options.poison;
    using _limits = patchedLimits(options.limits);
    try {
      return new GpuProbe(await GpuModel.open(config, options), options);
    } finally {
      filling = undefined;
    }
  }

  get description(): string {
    return this.model.description;
  }

  get arithmetic(): string {
    return this.model.description;
  }

  /** Labels of the device's buffers. */
  get labels(): Set<string> {
    return new Set([...made].filter(([, device]) => device === this.model.device).map(([{ label }]) => label));
  }

  /** Zeroes the buffers called `labels`. */
  zero(labels: readonly string[]): void {
    for (const [buffer, device] of made) {
      if (device === this.model.device && labels.includes(buffer.label)) fill(device, buffer, 0);
    }
  }

  // deno-lint-ignore require-await -- the interface is asynchronous, the model is not
  async upload(state: ModelState): Promise<void> {
    this.model.upload(state);
  }

  download(): Promise<Required<ModelState>> {
    return this.model.download();
  }

  /** Of an aid, `adjust` alone is heard. */
  trainStep(batch: PackedBatch, settings: StepSettings, aid: StepAid = {}): Promise<StepResult> {
    return this.#call(async () => {
      if (aid.adjust === undefined) return (await this.model.trainSteps([{ batch, settings }]))[0];
      const begun = await this.model.beginStep({ batch, settings });
      return { ...begun, ...await this.model.finishStep(aid.adjust(begun)) };
    });
  }

  gradient(batch: PackedBatch, settings: ObjectiveSettings): Promise<GradientResult> {
    return this.#call(() => this.model.gradient(batch, settings));
  }

  predict(batch: PackedBatch, settings: PredictSettings): Promise<Prediction> {
    return this.#call(() => this.model.predict(batch, settings));
  }

  trace(batch: PackedBatch): Promise<SequenceTrace[]> {
    return this.#call(() => this.model.trace(batch));
  }

  // deno-lint-ignore require-await -- the interface is asynchronous, the model is not
  async close(): Promise<void> {
    this.model.close();
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    const { poison, limits } = this.options;
    using _limits = patchedLimits(limits);
    filling = poison;
    if (poison !== undefined) {
      for (const [buffer, device] of made) {
        if (device === this.model.device && !LASTING.includes(buffer.label)) fill(device, buffer, poison);
      }
    }
    try {
      return await work();
    } finally {
      filling = undefined;
    }
  }
}

/** Lets limits read as `values` until it is disposed of. */
function patchedLimits(values: ProbeOptions["limits"] = {}): Disposable {
  const prototype = GPUSupportedLimits.prototype;
  const restored = Object.entries(values).map(([name, value]) => {
    const truth = Object.getOwnPropertyDescriptor(prototype, name);
    if (truth === undefined) throw new Error(`There is no limit ${name}`);
    Object.defineProperty(prototype, name, { configurable: true, enumerable: true, get: () => value });
    return [name, truth] as const;
  });
  return {
    [Symbol.dispose]() {
      for (const [name, truth] of restored) Object.defineProperty(prototype, name, truth);
    },
  };
}
