import { compilePipeline, declaredBindings, type Form, type Shader, SHADERS } from "./shaders.ts";
import type { Storage } from "./storage.ts";
import type { Widths } from "./widths.ts";

const FLOAT = 4;

/** The forms in which kernels are compiled for `device`; `software` says that a processor imitates it. */
export async function formsOn(
  device: GPUDevice,
  { precision }: Storage,
  { most, least }: Widths,
  software: boolean,
): Promise<ReadonlySet<Form>> {
  const forms = new Set<Form>(precision === "f16" ? ["half"] : []);
  const onAll = async (can: typeof canReadTogether) => await can(device, least) && await can(device, most);
  if (await onAll(canSumBySubgroups)) forms.add("subgroups");
  if (software && await onAll(canReadTogether)) forms.add("together");
  if (software && !device.features.has("subgroups")) forms.add("inStorage");
  return forms;
}

/**
 * Whether sums by subgroups (kernels/sum/subgroups.wgsl) are right on `device` in workgroups of `threads` threads: found out
 * by summing numbers, since no feature says how subgroups lie in a workgroup.
 */
async function canSumBySubgroups(device: GPUDevice, threads: number): Promise<boolean> {
  const numbers = numbersFor(threads);
  const sum = 2 * numbers.reduce((all, number) => all + number, 0);
  return await finds(device, SHADERS.subgroups, numbers, numbers.map(() => sum));
}

/** The same for what the threads of a subgroup read for each other (kernels/together/together.wgsl). */
async function canReadTogether(device: GPUDevice, threads: number): Promise<boolean> {
  const numbers = numbersFor(threads);
  const sum = numbers.subarray(0, 8).reduce((all, number, i) => all + (i + 1) * number, 0);
  return await finds(device, SHADERS.together, numbers, numbers.map((_, i) => i < threads - 3 ? sum : 0));
}

/** Whole numbers [threads], in no order. */
function numbersFor(threads: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: threads }, (_, i) => (7919 * i) % 1009);
}

/** Whether the probe of `shader` makes `wanted` [threads] of `numbers` [threads]; false where the driver refuses it. */
async function finds(
  device: GPUDevice,
  shader: Shader,
  numbers: Float32Array<ArrayBuffer>,
  wanted: Float32Array,
): Promise<boolean> {
  if (!device.features.has("subgroups")) return false;
  const results = await probe(device, shader, numbers).catch(() => undefined);
  return results?.every((result, i) => result === wanted[i]) ?? false;
}

/** What each thread of a workgroup makes of `numbers`, one a thread; throws where the driver refuses the kernel. */
async function probe(
  device: GPUDevice,
  shader: Shader,
  numbers: Float32Array<ArrayBuffer>,
): Promise<Float32Array> {
  const size = FLOAT * numbers.length;
  const entries = declaredBindings(shader).map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
  const layout = device.createBindGroupLayout({ entries });
  const pipeline = await compilePipeline(
    device,
    { shader, entryPoint: "probe", constants: { W: numbers.length } },
    device.createPipelineLayout({ bindGroupLayouts: [layout] }),
  );
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const make = (usage: GPUBufferUsageFlags) => device.createBuffer({ label: "probe", size, usage });
  const [input, output, staging] = [make(STORAGE | COPY_DST), make(STORAGE | COPY_SRC), make(MAP_READ | COPY_DST)];
  try {
    device.queue.writeBuffer(input, 0, numbers);
    const resources = [input, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries: resources }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(output, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return new Float32Array(staging.getMappedRange().slice(0));
  } finally {
    for (const buffer of [input, output, staging]) buffer.destroy();
  }
}
