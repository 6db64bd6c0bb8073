import type { ModelConfig } from "../../model/config.ts";
import { binVectors, groupsOf, type RowFields } from "./fields.ts";
import type { GpuLayout } from "./layout.ts";
import type { GpuProgram } from "./program.ts";
import { compilePipeline, declaredBindings, type Form, inForms, type PipelineSpec, SHADERS } from "./shaders.ts";

export const PASSES = ["train", "trace", "predict", "reduce", "jitter", "adamw"] as const;
export type Pass = typeof PASSES[number];

/** A view of the packed weights as a uniform buffer has this many bytes. */
export const CONSTANT_BYTES = 65536;

const SEQUENCE = [
  "sequenceUniform",
  "packed",
  "parameters",
  "batch",
  "rows",
  "halt",
  "lists",
  "store",
  "constants",
  "quantiles",
  "buffers",
  "positions",
];

/** The buffers of the passes that serve any model, in the order of their bindings. */
export const SHARED_BUFFERS = {
  reduce: ["reduceUniform", "halt", "parameters", "batch", "slotPlaces", "store", "rows", "gradient", "norms"],
  jitter: ["jitterUniform", "quantiles", "gradient"],
  adamw: [
    ...["adamwUniform", "norms", "halt", "gradient", "parameters", "firstMoment", "secondMoment", "latch"],
    ...["packedPlaces", "packed", "buffers"],
  ],
} as const;

/** Bytes of workgroup memory that sequence.wgsl declares. */
export function workgroupBytes(config: ModelConfig, threads: number): number {
  const vectors = binVectors(config) + threads + 2 * groupsOf(config).state;
  const factors = 3 + 2 * config.numHeads, directions = 2 * (config.dModel + config.ffnDim);
  return 16 * vectors + 4 * (2 * threads + 2 * config.maxLayers + 4 + factors + directions);
}

/** Every pipeline of the Epsilon model as it is made for its layout and `rows`. */
export function pipelineSpecs(layout: GpuLayout, { places }: RowFields, threads: number): Record<Pass, PipelineSpec> {
  const constants = { ...layout.constants, W: threads };
  const fits = 16 * layout.packedVectors <= CONSTANT_BYTES;
  const sequence = (entryPoint: string): PipelineSpec => ({
    shader: SHADERS.sequence,
    entryPoint,
    constants: { ...constants, ...places, CONSTANT: fits ? 1 : 0 },
    buffers: SEQUENCE,
    views: { constants: 0 },
  });
  const forward = sequence("forward");
  return {
    train: sequence("backward"),
    trace: forward,
    predict: forward,
    reduce: {
      shader: SHADERS.reduce,
      entryPoint: "reduce",
      constants: { ...constants, rowGradient: places.rowGradient },
      buffers: SHARED_BUFFERS.reduce,
    },
    ...updatePasses(constants),
  };
}

/** The passes between the gradient and the weights, which serve any model. */
export function updatePasses(constants: Readonly<Record<string, number>>): Record<"jitter" | "adamw", PipelineSpec> {
  return {
    jitter: { shader: SHADERS.jitter, entryPoint: "addJitter", constants, buffers: SHARED_BUFFERS.jitter },
    adamw: { shader: SHADERS.adamw, entryPoint: "adamw", constants, buffers: SHARED_BUFFERS.adamw },
  };
}

/** Whether each step of a submission sees another part of the buffer that is bound as `name`. */
export const isStepwise = (name: string): boolean => name === "batch" || name.endsWith("Uniform");

/** A pipeline and the layout of what it is bound to. */
export interface CompiledPass {
  readonly spec: PipelineSpec;
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroupLayout;
}

/** Compiles each pipeline when it is first asked for, once, also where it serves several passes. */
export class Pipelines {
  readonly #made = new Map<PipelineSpec, Promise<CompiledPass>>();
  readonly #specs = new Map<number, Readonly<Record<Pass, PipelineSpec>>>();

  /** All in those of `forms` that they have. */
  constructor(
    readonly device: GPUDevice,
    readonly passes: GpuProgram["passes"],
    readonly forms: ReadonlySet<Form>,
  ) {}

  /** The pipeline of `pass` for workgroups of `threads` threads. */
  get(pass: Pass, threads: number): Promise<CompiledPass> {
    const specs = this.#specs.get(threads) ?? this.passes(threads);
    this.#specs.set(threads, specs);
    const spec = specs[pass], made = this.#made.get(spec) ?? this.#compile(pass, spec);
    this.#made.set(spec, made);
    return made;
  }

  async #compile(pass: Pass, spec: PipelineSpec): Promise<CompiledPass> {
    const bindings = this.device.createBindGroupLayout({
      label: pass,
      entries: declaredBindings(spec.shader).map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type, hasDynamicOffset: isStepwise(spec.buffers[binding]) },
      })),
    });
    const layout = this.device.createPipelineLayout({ label: pass, bindGroupLayouts: [bindings] });
    const shader = inForms(spec.shader, this.forms);
    return { spec, pipeline: await compilePipeline(this.device, { ...spec, shader }, layout), bindings };
  }
}
