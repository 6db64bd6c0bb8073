import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import { tensorTable } from "../../model/tensors.ts";
import { sequenceUniform } from "./batch_run.ts";
import { binVectors, type Keeping, listRows, rowFields } from "./fields.ts";
import { gpuLayout } from "./layout.ts";
import { CONSTANT_BYTES, pipelineSpecs, workgroupBytes } from "./pipelines.ts";
import type { GpuProgram } from "./program.ts";
import type { Span } from "./recorder.ts";
import { fromStored, type Storage } from "./storage.ts";
import { traceSequences } from "./trace.ts";

/** The Epsilon model's kernels (kernels/epsilon/). */
export function epsilonProgram(config: ModelConfig, storage: Storage): GpuProgram {
  const layout = gpuLayout(config, tensorTable(config));
  const { maxLayers } = config;
  const fields = rowFields(config, storage);
  const stepsSpan = ({ tokens }: PackedBatch, keeping: Keeping): Span => ({
    buffer: "lists",
    first: (listRows(config, keeping) - 1) * tokens.length,
    count: tokens.length,
  });
  return {
    storage,
    layout,
    passes: (threads) => pipelineSpecs(layout, fields, threads),
    workgroupBytes: (threads) => workgroupBytes(config, threads),
    sharedVectors: (threads) => binVectors(config) + 2 * threads + layout.constants.directionCount,
    trainPasses: ["trace", "train"],
    spectralBlocks: 2,
    leastPackedBytes: CONSTANT_BYTES,
    rowVectors: (keeping) => fields.ends[keeping],
    haltFloats: maxLayers + 1,
    listWords: (keeping) => listRows(config, keeping),
    sequenceUniform: (work) => sequenceUniform(config, storage, work, work.keeping === "predict" ? 0 : fields.record),
    stepSpans: (batch) => [stepsSpan(batch, "predict")],
    haltingSteps: (_, [steps]) => Uint8Array.from(new Uint32Array(steps.buffer)),
    traceSpans: (batch) => [
      { buffer: "rows", first: 0, count: storage.vectorWords * batch.tokens.length * fields.ends.trace },
      { buffer: "halt", first: 0, count: batch.tokens.length * maxLayers },
      stepsSpan(batch, "trace"),
    ],
    traces: (batch, [rows, probabilities, steps]) =>
      traceSequences(config, storage, batch, fromStored(storage, rows), probabilities, new Uint32Array(steps.buffer)),
  };
}
