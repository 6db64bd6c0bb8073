import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SequenceTrace } from "../engine.ts";
import { collectSteps, type StepReader } from "../trace_steps.ts";
import { groupsOf, rowFields } from "./fields.ts";
import type { Storage } from "./storage.ts";

/** Picks each sequence's values out of what sequence.wgsl kept: rows [group][tokens][4], p [L][tokens], steps [tokens]. */
export function traceSequences(
  config: ModelConfig,
  storage: Storage,
  { tokens: { length: tokens }, offsets, labels }: PackedBatch,
  rows: Float32Array,
  probabilities: Float32Array,
  steps: Uint32Array,
): SequenceTrace[] {
  const { maxLayers: L } = config;
  return Array.from(labels, (_, s) => {
    const first = offsets[s], n = offsets[s + 1] - first;
    const haltingSteps = Uint8Array.from(steps.subarray(first, first + n));
    const all = collectSteps(config, haltingSteps, rowReader(config, storage, rows, tokens, first));
    return {
      stepProbabilities: Float32Array.from(
        { length: n * L },
        (_, k) => probabilities[(k % L) * tokens + first + Math.floor(k / L)],
      ),
      haltingSteps,
      binAssignmentStep0: all.assignments[0],
      attentionStep0: all.attention[0],
      stateStep0: all.states[1],
      ...all,
    };
  });
}

/** Reads the rows of the sequence that starts at token `first` of the batch's `tokens`. */
function rowReader(
  config: ModelConfig,
  storage: Storage,
  rows: Float32Array,
  tokens: number,
  first: number,
): StepReader {
  const { dModel: d, numBins: B } = config;
  const { places: { rowState, rowAssignment, rowAttention }, record } = rowFields(config, storage);
  const { bins } = groupsOf(config), { assignmentUnit: unit } = storage;
  let step = 0;
  const copy = (field: number, token: number, count: number, out: Float32Array, at: number, divisor = 1) => {
    for (let k = 0; k < count; k++) {
      out[at + k] = rows[4 * ((field + (k >> 2)) * tokens + first + token) + (k & 3)] / divisor;
    }
  };
  return {
    start: (token, out, at) => copy(rowState, token, d, out, at),
    begin: (next) => step = next,
    state: (token, out, at) => copy(rowState + (step + 1) * record, token, d, out, at),
    assignment: (head, token, out, at) => copy(rowAssignment + step * record + head * bins, token, B, out, at, unit),
    attention: (head, token, out, at) => copy(rowAttention + step * record + head * bins, token, B, out, at),
  };
}
