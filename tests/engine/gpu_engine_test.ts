import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { programOf } from "../../src/engine/gpu/program.ts";
import { workgroupWidths } from "../../src/engine/gpu/widths.ts";
import { compilePipeline } from "../../src/engine/gpu/shaders.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { DataError, DeviceError, RunError } from "../../src/errors.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { openDevice, requireAdapter } from "../../src/engine/gpu/adapter.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

const [built, small] = ["seed 3", "seed 6"].map((seed) => {
  const found = AGREEMENT_CASES.find(({ name }) => name.endsWith(seed));
  assert(found !== undefined);
  return buildCase(found);
});

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !TEST_GPU, fn });
}

gpuTest("a training step on the GPU takes at most four dispatches, a prediction one", async () => {
  const { config, state, batch, settings } = small;
  const model = await GpuModel.open(config);
  try {
    model.upload(state);
    await model.trainSteps([{ batch, settings }]);
    assert.equal(model.recorder.dispatched, 4);
    await model.predict(batch, { want: "everything", klScale: 1 });
    assert.equal(model.recorder.dispatched, 5);
    await model.predict(batch, { want: "everything", klScale: 1 });
    assert.equal(model.recorder.dispatched, 6);
  } finally {
    model.close();
  }
});

gpuTest("the GPU gives the same bytes twice, and a run changes hands between GPU and CPU", async () => {
  const { config, state, batch, settings } = built;
  const gpu = await GpuEngine.open(config), cpu = await CpuEngine.open(config, { threads: 1 });
  try {
    const runs = [];
    for (let run = 0; run < 2; run++) {
      await gpu.upload(state);
      for (let step = 0; step < 3; step++) await gpu.trainStep(batch, settings);
      runs.push(await gpu.download());
    }
    assert.deepEqual(runs[0], runs[1]);
    assert.equal(runs[0].optimizer.step, state.optimizer.step + 3);
    await cpu.upload(state);
    await cpu.trainStep(batch, settings);
    await gpu.upload(await cpu.download());
    await gpu.trainStep(batch, settings);
    await cpu.upload(await gpu.download());
    await cpu.trainStep(batch, settings);
    const changed = (await cpu.download()).weights.parameters;
    const { parameters } = runs[0].weights;
    assert(tensorError(changed, parameters, norm(parameters)) < 1e-4);
  } finally {
    await gpu.close();
    await cpu.close();
  }
});

gpuTest("a step whose loss is not finite changes no weight on the GPU and says so", async () => {
  const { config, state, batch, settings } = small;
  const gpu = await GpuEngine.open(config);
  try {
    const parameters = state.weights.parameters.slice();
    // The embedding of the batch's first token.
    parameters[batch.tokens[0] * config.dModel] = NaN;
    await gpu.upload({ ...state, weights: { ...state.weights, parameters } });
    const { updated } = await gpu.trainStep(batch, settings);
    assert.equal(updated, false);
    const after = await gpu.download();
    assert.deepEqual(after.weights.parameters, parameters);
    assert.equal(after.optimizer.step, state.optimizer.step);
  } finally {
    await gpu.close();
  }
});

gpuTest("the GPU engine refuses wrong batches and wrong weights, and works on afterwards", async () => {
  const { config, state, batch } = small;
  const gpu = await GpuEngine.open(config);
  try {
    const tokens = batch.tokens.slice();
    tokens[1] = config.vocabSize;
    const want = { want: "everything", klScale: 1 } as const;
    await assert.rejects(gpu.predict({ ...batch, tokens }, want), DataError);
    const weights = { ...state.weights, parameters: new Float32Array(3) };
    await assert.rejects(gpu.upload({ weights }), (error) => error instanceof DataError && error.hint !== "");
    await gpu.upload(state);
    assert.equal((await gpu.predict(batch, want)).logits.length, batch.labels.length * config.numClasses);
  } finally {
    await gpu.close();
  }
  await assert.rejects(gpu.download(), RunError);
});

gpuTest("a model beyond the adapter's workgroup memory is refused, and the limit is named", async () => {
  const { limits } = await requireAdapter();
  const config = { ...small.config, dModel: 64, numHeads: 4, numBins: 512 };
  assert.throws(
    () => workgroupWidths(programOf(config), limits, false),
    (error) => error instanceof DeviceError && /maxComputeWorkgroupStorageSize/.test(error.message),
  );
  await assert.rejects(GpuEngine.open(config), DeviceError);
});

gpuTest(
  "long reviews at full depth agree with the CPU; where a driver cuts loops short, nothing wrong comes out",
  async () => {
    const weights = initialWeights(PAPER_CONFIG, 1);
    for (const { name, offset } of tensorTable(PAPER_CONFIG).parameters) {
      if (/^halting_fcs\.\d+\.bias$/.test(name)) weights.parameters[offset] = -9;
    }
    const gpu = await GpuEngine.open(PAPER_CONFIG), cpu = await CpuEngine.open(PAPER_CONFIG, { threads: 1 });
    try {
      await gpu.upload({ weights });
      await cpu.upload({ weights });
      for (const n of [512, 4096]) {
        const tokens = Int32Array.from({ length: n }, (_, i) => 1 + (i * 7919) % 3007);
        const batch = { tokens, offsets: Uint32Array.of(0, n), labels: Uint8Array.of(1) };
        const settings = { klScale: 1, dropout: 0.1, seed: 1 };
        const wanted = await cpu.gradient(batch, settings);
        const found = await gpu.gradient(batch, settings).catch((error: Error) => error);
        if (found instanceof Error) {
          assert(n > PAPER_CONFIG.maxSeqLength && found instanceof RunError, found.message);
          const rejected = gpu.trainStep(batch, { ...small.settings, ...settings });
          await assert.rejects(rejected, RunError);
          assert.deepEqual((await gpu.download()).weights.parameters, weights.parameters);
        } else {
          // At eight times the longest review the CPU engine's own gradient is 2.1e-4 from the float64 reference's.
          const error = tensorError(found.gradient, wanted.gradient, 0);
          assert(error < (n > PAPER_CONFIG.maxSeqLength ? 1e-3 : 1e-4), `${n} tokens: ${error}`);
        }
      }
    } finally {
      await gpu.close();
      await cpu.close();
    }
  },
);

gpuTest("a fault in a shader is told with its line", async () => {
  const device = await openDevice(await requireAdapter());
  try {
    const shader = {
      file: "kernels/made.wgsl",
      source: "@compute @workgroup_size(1)\nfn main() { let x = nothing; }\n",
    };
    await assert.rejects(
      compilePipeline(device, { shader, entryPoint: "main", constants: {} }),
      (error) => error instanceof RunError && /made\.wgsl:2: .*let x = nothing/.test(error.message),
    );
  } finally {
    device.destroy();
  }
});
