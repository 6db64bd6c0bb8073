import assert from "node:assert/strict";
import { stepSettings, uniformBatch } from "../../src/diagnose/benchmark/workload.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { programOf } from "../../src/engine/gpu/program.ts";
import { widthFor, workgroupWidths } from "../../src/engine/gpu/widths.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

const LIMITS = {
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1000,
  maxStorageBuffersPerShaderStage: 10,
  maxComputeWorkgroupStorageSize: 65536,
} as GPUSupportedLimits;

const program = programOf(PAPER_CONFIG);

Deno.test("a real GPU's workgroups are as wide as it allows, up to 256 threads", () => {
  assert.deepEqual(workgroupWidths(program, LIMITS, false), { most: 256, least: 256 });
  const few = { ...LIMITS, maxComputeWorkgroupSizeX: 100 } as GPUSupportedLimits;
  assert.deepEqual(workgroupWidths(program, few, false), { most: 64, least: 64 });
});

Deno.test("a software adapter's are narrow for the paper's reviews, and wide for what is more work", () => {
  const widths = workgroupWidths(program, LIMITS, true);
  assert.deepEqual(widths, { most: 256, least: 64 });
  const few = { ...LIMITS, maxComputeInvocationsPerWorkgroup: 32 } as GPUSupportedLimits;
  assert.deepEqual(workgroupWidths(program, few, true), { most: 32, least: 32 });
  const widthOf = (tokens: number, config = PAPER_CONFIG) =>
    widthFor(widths, config, programOf(config), uniformBatch(config, 2, tokens));
  assert.equal(widthOf(PAPER_CONFIG.maxSeqLength), 64);
  assert.equal(widthOf(2048), 256);
  assert.equal(widthOf(PAPER_CONFIG.maxSeqLength, { ...PAPER_CONFIG, ffnDim: 512 }), 256);
});

Deno.test({
  name: "short and long reviews of a submission are trained with their own widths, one after the other as together",
  ignore: !TEST_GPU,
  fn: async () => {
    const config = { ...PAPER_CONFIG, vocabSize: 50, maxLayers: 1 };
    const batches = [20, 6000, 30].map((tokens) => uniformBatch(config, 1, tokens));
    const steps = batches.map((batch) => ({ batch, settings: { ...stepSettings(0.1), learningRate: 1e-3 } }));
    const weights = initialWeights(config, 1);
    const model = await GpuModel.open(config);
    try {
      const [short, long, other] = batches.map((batch) => widthFor(model.widths, config, model.program, batch));
      assert.deepEqual([short, long, other], [model.widths.least, model.widths.most, model.widths.least]);
      model.upload({ weights });
      await model.trainSteps(steps);
      const together = await model.download();
      model.upload({ weights });
      for (const step of steps) await model.trainSteps([step]);
      assert.deepEqual(await model.download(), together);
    } finally {
      model.close();
    }
  },
});
