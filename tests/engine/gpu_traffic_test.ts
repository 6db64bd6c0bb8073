import assert from "node:assert/strict";
import { NEVER_HALTS, settledWeights, uniformBatch, withHaltingBias } from "../../src/diagnose/benchmark/workload.ts";
import { type Precision, PRECISIONS } from "../../src/engine/precision.ts";
import { rowFields } from "../../src/engine/gpu/fields.ts";
import { STORAGES } from "../../src/engine/gpu/storage.ts";
import { accessesOf, TRAFFIC } from "../../src/engine/gpu/traffic.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { FULL_GPU, TEST_GPU } from "./gpu_adapter.ts";
import { createHiddenBuffer, GpuProbe, withShader } from "./gpu_probe.ts";

/** Enough tokens that what happens once a sequence is less than half a vector a token. */
const TOKENS = 40;

const TALLY_BYTES = 8192;

/** The kernel with a tally of the vectors of `rows` that it reads and writes, by field. */
function tallying(source: string): string {
  const pieces = [
    "@group(1) @binding(0) var<storage, read_write> accesses: array<atomic<u32>>;",
    "fn tallied(p: u32, reads: u32, writes: u32) -> u32 {",
    "  atomicAdd(&accesses[2u * (p / settings.tokens)], reads);",
    "  atomicAdd(&accesses[2u * (p / settings.tokens) + 1u], writes);",
    "  return p;\n}\n",
  ];
  const opening = "rows[";
  let text = `${pieces.join("\n")}`, done = 0;
  for (let at = source.indexOf(opening); at >= 0; at = source.indexOf(opening, done)) {
    const start = at + opening.length;
    let end = start;
    for (let depth = 1; depth > 0; end++) depth += source[end] === "[" ? 1 : source[end] === "]" ? -1 : 0;
    const writes = /^ [+*]?=\s/.test(source.slice(end, end + 4)), reads = !/^ =\s/.test(source.slice(end, end + 3));
    const place = source.slice(start, end - 1);
    text += `${source.slice(done, start)}tallied(${place}, ${Number(reads)}u, ${Number(writes)}u)]`;
    done = end;
  }
  return text + source.slice(done);
}

/** Lets every pass of this process write to a tally in group 1. */
class Tally implements Disposable {
  readonly #createPipelineLayout = GPUDevice.prototype.createPipelineLayout;
  readonly #setPipeline = GPUComputePassEncoder.prototype.setPipeline;
  readonly #shader = withShader("kernels/epsilon/sequence.wgsl", tallying);
  #made: { readonly buffer: GPUBuffer; readonly group: GPUBindGroup } | undefined;

  constructor() {
    const createPipelineLayout = this.#createPipelineLayout, setPipeline = this.#setPipeline;
    const make = (device: GPUDevice, layout: GPUBindGroupLayout) => {
      if (this.#made !== undefined) return;
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
      const buffer = createHiddenBuffer(device, { size: TALLY_BYTES, usage });
      this.#made = {
        buffer,
        group: device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] }),
      };
    };
    const group = () => this.#made?.group ?? null;
    GPUDevice.prototype.createPipelineLayout = function (descriptor) {
      const entries = [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } }] as const;
      const layout = this.createBindGroupLayout({ entries: [...entries] });
      make(this, layout);
      return createPipelineLayout.call(this, { bindGroupLayouts: [...descriptor.bindGroupLayouts, layout] });
    };
    GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
      setPipeline.call(this, pipeline);
      this.setBindGroup(1, group());
    };
  }

  async read(device: GPUDevice): Promise<Uint32Array> {
    if (this.#made === undefined) throw new Error("No pipeline was made yet");
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = createHiddenBuffer(device, { size: TALLY_BYTES, usage });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#made.buffer, 0, staging, 0, TALLY_BYTES);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return new Uint32Array(staging.getMappedRange().slice(0));
  }

  [Symbol.dispose](): void {
    GPUDevice.prototype.createPipelineLayout = this.#createPipelineLayout;
    GPUComputePassEncoder.prototype.setPipeline = this.#setPipeline;
    this.#shader[Symbol.dispose]();
  }
}

/** Vectors that a token reads and writes of each field when all its `maxLayers` steps run. */
async function countedTraffic(
  config: ModelConfig,
  precision: Precision,
): Promise<Map<string, [reads: number, writes: number]>> {
  using tally = new Tally();
  const probe = await GpuProbe.open(config, { precision });
  try {
    await probe.upload({ weights: withHaltingBias(config, settledWeights(config), NEVER_HALTS) });
    await probe.gradient(uniformBatch(config, 1, TOKENS), { klScale: 1, dropout: config.dropout, seed: 1 });
    const counts = await tally.read(probe.model.device);
    const { places, record, ends: { trace, train } } = rowFields(config, STORAGES[precision]);
    const found = new Map(Object.keys(places).map((name): [string, [number, number]] => [name, [0, 0]]));
    for (let field = 0; field < train; field++) {
      // Of every step's record the fields are those of the first one's.
      const isRecord = field >= places.rowState && field < trace;
      const place = isRecord ? places.rowState + (field - places.rowState) % record : field;
      const [name] = Object.entries(places).findLast(([, first]) => first <= place) ?? [""];
      const [reads, writes] = found.get(name) ?? [0, 0];
      found.set(name, [reads + counts[2 * field] / TOKENS, writes + counts[2 * field + 1] / TOKENS]);
    }
    return found;
  } finally {
    await probe.close();
  }
}

for (const precision of PRECISIONS) {
  Deno.test({
    name:
      "what a step of the paper's model reads and writes for a token is what its kernel touches, counted access by " +
      `access, in ${precision}`,
    // Compiling takes time.
    ignore: !TEST_GPU || precision === "f16" && !FULL_GPU,
    fn: async () => {
      const config = { ...PAPER_CONFIG, vocabSize: 50, maxSeqLength: TOKENS };
      // What the first step has more than the others falls out of the difference.
      const two = await countedTraffic({ ...config, maxLayers: 2 }, precision);
      const three = await countedTraffic({ ...config, maxLayers: 3 }, precision);
      const found = [...three].map(([name, [reads, writes]]) => {
        const [lessReads, lessWrites] = two.get(name) ?? [0, 0];
        return [name, Math.round(reads - lessReads), Math.round(writes - lessWrites)];
      });
      const wanted = TRAFFIC.map((field) => ({ field: field.field, ...accessesOf(field, precision) }));
      assert.deepEqual(found, wanted.map(({ field, reads, writes }) => [field, reads, writes]));
    },
  });
}
