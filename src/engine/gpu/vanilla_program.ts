import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import { dropoutThreshold } from "../../model/dropout.ts";
import type { ObjectiveSettings, SequenceTrace } from "../engine.ts";
import { vanillaTrace } from "../vanilla_trace.ts";
import { uniform } from "./batch_run.ts";
import type { BatchWords } from "./batch_words.ts";
import type { Keeping } from "./fields.ts";
import { CONSTANT_BYTES, type Pass, SHARED_BUFFERS } from "./pipelines.ts";
import type { GpuProgram } from "./program.ts";
import { type PipelineSpec, SHADERS } from "./shaders.ts";
import { vanillaFields, vanillaGpuLayout, vanillaGroups, type VanillaLayout } from "./vanilla_layout.ts";

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
];

const VECTOR = 16;

/** The vanilla baseline's kernels (kernels/vanilla/). */
export function vanillaProgram(config: ModelConfig): GpuProgram {
  const layout = vanillaGpuLayout(config);
  const { dModel: d, maxLayers } = config;
  const { state } = vanillaGroups(config);
  return {
    layout,
    passes: (threads) => vanillaPasses(config, layout, threads),
    workgroupBytes: (threads) => VECTOR * (threads + state),
    trainPasses: ["trace", "train"],
    prepareGroups: (threads) => Math.ceil(4 * layout.packedVectors / threads),
    spectralBlocks: 0,
    leastPackedBytes: VECTOR * layout.ffnStart + CONSTANT_BYTES,
    rowVectors: (keeping) => vanillaFields(config, keeping).end,
    haltFloats: 0,
    listWords: () => 0,
    sequenceUniform: (batch, words, objective, _, threads) => stackUniform(config, batch, words, objective, threads),
    stepSpans: () => [],
    haltingSteps: ({ tokens }) => new Uint8Array(tokens.length).fill(maxLayers),
    traceSpans: ({ tokens }) => [{ buffer: "rows", first: 0, count: 4 * tokens.length * state * (maxLayers + 1) }],
    traces: (batch, [rows]) =>
      sequenceStates(batch, rows, d, maxLayers + 1).map((states) => vanillaTrace(config, states)),
  };
}

function vanillaPasses(
  config: ModelConfig,
  layout: VanillaLayout,
  threads: number,
): Readonly<Record<Pass, PipelineSpec>> {
  const constants = { ...layout.constants, W: threads };
  const fits = (vectors: number) => VECTOR * vectors <= CONSTANT_BYTES ? 1 : 0;
  const stack = (keeping: Keeping): PipelineSpec => ({
    shader: SHADERS.stack,
    entryPoint: keeping === "train" ? "backward" : "forward",
    constants: {
      ...constants,
      ...vanillaFields(config, keeping).places,
      SAVE: keeping === "predict" ? 0 : 1,
      ATTENTION_CONSTANT: fits(layout.attentionVectors),
      FFN_CONSTANT: fits(layout.ffnVectors),
    },
    buffers: STACK,
    views: { constants: 0, ffnConstants: VECTOR * layout.ffnStart },
  });
  const { rowGradient } = vanillaFields(config, "train").places;
  return {
    prepare: {
      shader: SHADERS.pack,
      entryPoint: "prepare",
      constants,
      buffers: ["parameters", "packedSources", "packed"],
    },
    train: stack("train"),
    trace: stack("trace"),
    predict: stack("predict"),
    reduce: {
      shader: SHADERS.reduce,
      entryPoint: "reduce",
      constants: { ...constants, rowGradient },
      buffers: SHARED_BUFFERS.reduce,
    },
    adamw: { shader: SHADERS.adamw, entryPoint: "adamw", constants, buffers: SHARED_BUFFERS.adamw },
  };
}

/** `Settings` of stack.wgsl. */
function stackUniform(
  config: ModelConfig,
  { tokens, labels }: PackedBatch,
  words: BatchWords,
  { dropout }: ObjectiveSettings,
  threads: number,
): ArrayBuffer {
  const threshold = dropoutThreshold(dropout);
  const { state, pairs, head, heads, hidden } = vanillaGroups(config);
  const places = [words.offsets, words.labels, words.keys, words.order];
  const alignment = [0, 0, 0];
  const sizes = [
    ...[state, heads, head, pairs, hidden],
    ...[config.numHeads, config.maxLayers, config.numClasses, threads / 2, 2, 3, 4],
  ];
  return uniform([tokens.length, labels.length, threshold], [1 / (1 - threshold / 65536), 1 / labels.length], [
    ...places,
    ...alignment,
    ...sizes,
  ]);
}

/** The `count` states [n × d] of each sequence from the rows [state][group][tokens][4]. */
function sequenceStates(
  { tokens: { length: tokens }, offsets, labels }: PackedBatch,
  rows: Float32Array,
  d: number,
  count: number,
): SequenceTrace["states"][] {
  const groups = Math.ceil(d / 4);
  return Array.from(labels, (_, s) => {
    const first = offsets[s], n = offsets[s + 1] - first;
    return Array.from({ length: count }, (_, t) =>
      Float32Array.from({ length: n * d }, (_, e) => {
        const j = e % d, token = first + Math.floor(e / d);
        return rows[4 * ((t * groups + Math.floor(j / 4)) * tokens + token) + j % 4];
      }));
  });
}
