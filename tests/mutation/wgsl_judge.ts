import { openDevice, requireAdapter } from "../../src/engine/gpu/adapter.ts";
import { PASSES } from "../../src/engine/gpu/pipelines.ts";
import { programOf } from "../../src/engine/gpu/program.ts";
import type { BuiltCase } from "../../src/engine/cases.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { TOLERANCES } from "../../src/engine/verification.ts";
import { type Model, PAPER_CONFIG } from "../../src/model/config.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { disagreements, type ExpectedCase } from "../engine/agreement.ts";
import { createHiddenBuffer, GpuProbe, withShader } from "../engine/gpu_probe.ts";
import { backwardFunctions, type SleepingMutant, wgslSites, withMutants } from "./wgsl_mutants.ts";

/** Passes of the forward pass; the others are the backward pass and the optimizer. */
const FORWARD = ["trace", "predict"];

/** What single precision, in which mutants are judged, does not reach. */
const HALF_ALONE = ["balance"];

/** Nor do the files' own sections, of which mutants are made, reach what other forms of them do. */
const OTHER_FORMS = /\b(?:TOGETHER|HALF|awake)\b|\b(?:enter|enterGroup|team|eighth|ofEight)\(/;

/** Files that serve both models. */
const SHARED = /^kernels\/adamw\//;

/** Fills scratch memory before each call, so that no dropped statement finds an old result. */
const POISON = 0xffffffff;

/** The shader files with what only the backward pass needs of them. */
export interface BackwardShaders {
  readonly sources: ReadonlyMap<string, string>;
  /** Functions by file. */
  readonly kernels: ReadonlyMap<string, readonly string[]>;
}

/** What a model's passes of the backward pass and the optimizer need and the forward pass does not. */
export function backwardShaders(model: Model): BackwardShaders {
  const specs = programOf({ ...PAPER_CONFIG, model }).passes(256);
  // The files that both models share are judged by the one that uses all of them.
  const judged = PASSES.map((pass) => specs[pass].shader).filter(({ file }) =>
    model === "epsilon" || !SHARED.test(file)
  );
  const sources = new Map(judged.map(({ file, source }) => [file, source]));
  const entries = (file: string, forward: boolean) =>
    PASSES.filter((pass) => specs[pass].shader.file === file && FORWARD.includes(pass) === forward)
      .map((pass) => specs[pass].entryPoint);
  const kernels = new Map(
    [...sources].map(([file, source]) =>
      [
        file,
        backwardFunctions(source, entries(file, false), entries(file, true)).filter((name) =>
          !HALF_ALONE.includes(name)
        ),
      ] as const
    ),
  );
  return { sources, kernels };
}

/** Every mutant of the backward shaders that compiles. */
export async function sleepingMutants({ sources, kernels }: BackwardShaders): Promise<SleepingMutant[]> {
  const device = await openDevice(await requireAdapter());
  const mutants: SleepingMutant[] = [];
  let firstId = 1;
  for (const [file, source] of sources) {
    const sites = wgslSites(file, source, kernels.get(file) ?? [], firstId);
    firstId += sites.length;
    for (const { mutant, alternatives } of sites) {
      if (OTHER_FORMS.test(mutant.source)) continue;
      for (const form of alternatives) {
        const module = device.createShaderModule({ code: withMutants(source, [{ mutant, form }]) });
        if ((await module.getCompilationInfo()).messages.some(({ type }) => type === "error")) continue;
        mutants.push({ mutant, form });
        break;
      }
    }
  }
  device.destroy();
  return mutants;
}

/** Lets every pipeline of this process read the number of the living mutant from group 1. */
class Ward implements Disposable {
  readonly #createPipelineLayout = GPUDevice.prototype.createPipelineLayout;
  readonly #setPipeline = GPUComputePassEncoder.prototype.setPipeline;
  readonly #shaders: Disposable[];
  #living: { readonly device: GPUDevice; readonly buffer: GPUBuffer; readonly group: GPUBindGroup } | undefined;

  constructor({ sources }: BackwardShaders, mutants: readonly SleepingMutant[]) {
    this.#shaders = [...sources].map(([file, source]) =>
      withShader(file, () => withMutants(source, mutants.filter(({ mutant }) => mutant.file === file)))
    );
    const createPipelineLayout = this.#createPipelineLayout, setPipeline = this.#setPipeline;
    const groupOf = (device: GPUDevice) => this.#groupOf(device);
    const living = () => this.#living;
    GPUDevice.prototype.createPipelineLayout = function (descriptor) {
      const { layout } = groupOf(this);
      return createPipelineLayout.call(this, { bindGroupLayouts: [...descriptor.bindGroupLayouts, layout] });
    };
    GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
      setPipeline.call(this, pipeline);
      this.setBindGroup(1, living()?.group ?? null);
    };
  }

  wake(id: number): void {
    const { device, buffer } = this.#living ?? {};
    if (device === undefined || buffer === undefined) throw new Error("No pipeline was made yet");
    device.queue.writeBuffer(buffer, 0, Uint32Array.of(id, 0, 0, 0));
  }

  [Symbol.dispose](): void {
    GPUDevice.prototype.createPipelineLayout = this.#createPipelineLayout;
    GPUComputePassEncoder.prototype.setPipeline = this.#setPipeline;
    for (const shader of this.#shaders) shader[Symbol.dispose]();
  }

  #groupOf(device: GPUDevice): { readonly layout: GPUBindGroupLayout } {
    const layout = device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "uniform" } }],
    });
    if (this.#living?.device !== device) {
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const buffer = createHiddenBuffer(device, { size: 16, usage });
      const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
      this.#living = { device, buffer, group };
    }
    return { layout };
  }
}

/** `engine` that computes what the backward pass has a part in; the rest is as expected. */
function backwardOnly(engine: GpuProbe, { results: { everything, logits, traces } }: ExpectedCase): Engine {
  return {
    kind: engine.kind,
    description: engine.description,
    arithmetic: engine.arithmetic,
    upload: (state) => engine.upload(state),
    download: () => engine.download(),
    trainStep: (batch, settings, aid) => engine.trainStep(batch, settings, aid),
    gradient: (batch, settings) => engine.gradient(batch, settings),
    predict: (_, { want }) => Promise.resolve(want === "logits" ? logits : everything),
    trace: () => Promise.resolve([...traces]),
    close: () => engine.close(),
  };
}

/** First moments [parameters] behind a step as the agreement suite has none: with a factor, noise and no clip on its gradient. */
async function jitteredMoments(engine: Engine, { state, batch, settings }: BuiltCase): Promise<Float64Array> {
  await engine.upload(state);
  const free = { ...settings, clipGradNorm: 0 };
  await engine.trainStep(batch, free, { adjust: () => ({ ...free, gradientNoise: 0.5, gradientFactor: 0.7 }) });
  return Float64Array.from((await engine.download()).optimizer.firstMoment);
}

/** Those of `mutants` with which the GPU still agrees on a case. Throws when it disagrees while all of them sleep. */
export async function survivorsOf(
  shaders: BackwardShaders,
  mutants: readonly SleepingMutant[],
  expected: ExpectedCase,
): Promise<SleepingMutant[]> {
  using ward = new Ward(shaders, mutants);
  const engine = await GpuProbe.open(expected.built.config, { poison: POISON });
  const judged = backwardOnly(engine, expected);
  const moments = await jitteredMoments(new ReferenceEngine(expected.built.config), expected.built);
  const jitters = async () =>
    tensorError(await jitteredMoments(judged, expected.built), moments, norm(moments)) <= TOLERANCES.float32;
  const notices = async (id: number): Promise<boolean> => {
    engine.zero(["gradient", "latch"]);
    if (id > 0) ward.wake(id);
    try {
      return (await disagreements(judged, expected)).length > 0 || !await jitters();
    } catch {
      return true;
    }
  };
  try {
    if (await notices(0)) throw new Error(`Without a mutant the engine fails: ${expected.name}`);
    const survivors: SleepingMutant[] = [];
    for (const each of mutants) if (!await notices(each.mutant.id)) survivors.push(each);
    return survivors;
  } finally {
    await engine.close();
  }
}
