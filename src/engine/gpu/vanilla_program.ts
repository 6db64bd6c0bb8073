import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import { dropoutThreshold } from "../../model/dropout.ts";
import type { SequenceTrace } from "../engine.ts";
import { vanillaTrace } from "../vanilla_trace.ts";
import { uniform } from "./batch_run.ts";
import { CONSTANT_BYTES, type Pass, SHARED_BUFFERS, updatePasses } from "./pipelines.ts";
import type { GpuProgram, SequenceWork } from "./program.ts";
import { type PipelineSpec, SHADERS } from "./shaders.ts";
import { fromStored, gradientScale, type Storage } from "./storage.ts";
import {
  type VanillaFields,
  vanillaFields,
  vanillaGpuLayout,
  vanillaGroups,
  type VanillaLayout,
} from "./vanilla_layout.ts";

const STACK = [
  "sequenceUniform",
  "packed",
  "parameters",
  "batch",
  "rows",
  "halt",
  "store",
  "constants",
  "ffnConstants",
  "quantiles",
  "positions",
];

/** Bytes of four floats. */
const VECTOR = 16;

/** The vanilla baseline's kernels (kernels/vanilla/). */
export function vanillaProgram(config: ModelConfig, storage: Storage): GpuProgram {
  const layout = vanillaGpuLayout(config);
  const { dModel: d, maxLayers } = config;
  const { state } = vanillaGroups(config);
  const fields = vanillaFields(config);
  const { vectorWords } = storage;
  return {
    storage,
    layout,
    passes: (threads) => vanillaPasses(layout, fields, threads),
    workgroupBytes: (threads) => VECTOR * (threads + state),
    sharedVectors: () => 0,
    trainPasses: ["trace", "train"],
    spectralBlocks: 0,
    leastPackedBytes: VECTOR * layout.ffnStart + CONSTANT_BYTES,
    rowVectors: (keeping) => fields.ends[keeping],
    haltFloats: 0,
    listWords: () => 0,
    sequenceUniform: (work) => stackUniform(config, storage, work, work.keeping === "predict" ? 0 : fields.record),
    stepSpans: () => [],
    haltingSteps: ({ tokens }) => new Uint8Array(tokens.length).fill(maxLayers),
    traceSpans: ({ tokens: { length } }) =>
      Array.from({ length: maxLayers + 1 }, (_, t) => ({
        buffer: "rows",
        first: vectorWords * length * (fields.places.rowState + t * fields.record),
        count: vectorWords * length * state,
      })),
    traces: (batch, kept) => {
      const states = kept.map((words) => fromStored(storage, words));
      return sequenceStates(batch, states, d).map((own) => vanillaTrace(config, own));
    },
  };
}

function vanillaPasses(
  layout: VanillaLayout,
  { places }: VanillaFields,
  threads: number,
): Readonly<Record<Pass, PipelineSpec>> {
  const constants = { ...layout.constants, ...places, W: threads };
  const fits = (vectors: number) => VECTOR * vectors <= CONSTANT_BYTES ? 1 : 0;
  const stack = (entryPoint: string): PipelineSpec => ({
    shader: SHADERS.stack,
    entryPoint,
    constants: {
      ...constants,
      ATTENTION_CONSTANT: fits(layout.attentionVectors),
      FFN_CONSTANT: fits(layout.ffnVectors),
    },
    buffers: STACK,
    views: { constants: 0, ffnConstants: VECTOR * layout.ffnStart },
  });
  const forward = stack("forward");
  return {
    train: stack("backward"),
    trace: forward,
    predict: forward,
    reduce: { shader: SHADERS.reduce, entryPoint: "reduce", constants, buffers: SHARED_BUFFERS.reduce },
    ...updatePasses(constants),
  };
}

/** `Settings` of stack.wgsl. */
function stackUniform(
  config: ModelConfig,
  storage: Storage,
  { batch: { tokens, labels }, words, objective: { dropout, noise } }: SequenceWork,
  layerStride: number,
): ArrayBuffer {
  const threshold = dropoutThreshold(dropout);
  const { state, pairs, head, heads, hidden } = vanillaGroups(config);
  const places = [words.offsets, words.labels, words.keys, words.order];
  const weights = [
    1 / (1 - threshold / 65536),
    gradientScale(storage, tokens.length) / labels.length,
    noise?.site === "embedding" ? noise.gain : 0,
    noise?.site === "state" ? noise.gain : 0,
  ];
  const sizes = [
    ...[state, heads, head, pairs, hidden],
    ...[config.numHeads, config.maxLayers, config.numClasses, 2, 3, 4],
  ];
  return uniform([tokens.length, labels.length, threshold], weights, [...places, layerStride, ...sizes]);
}

/** Each sequence's states [n × d] from those of the batch [group][tokens][4]. */
function sequenceStates(
  { tokens: { length: tokens }, offsets, labels }: PackedBatch,
  states: readonly Float32Array[],
  d: number,
): SequenceTrace["states"][] {
  return Array.from(labels, (_, s) => {
    const first = offsets[s], n = offsets[s + 1] - first;
    return states.map((rows) =>
      Float32Array.from({ length: n * d }, (_, e) => {
        const j = e % d, token = first + Math.floor(e / d);
        return rows[4 * (Math.floor(j / 4) * tokens + token) + j % 4];
      })
    );
  });
}
