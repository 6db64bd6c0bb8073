import type { PackedBatch } from "../../data/packed_batch.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SequenceTrace } from "../engine.ts";
import { groupsOf, rowFields } from "./fields.ts";

/** Picks each sequence's values out of what sequence.wgsl kept: rows [group][tokens][4], p [L][tokens], steps [tokens]. */
export function traceSequences(
  config: ModelConfig,
  { tokens: { length: tokens }, offsets, labels }: PackedBatch,
  rows: Float32Array,
  probabilities: Float32Array,
  steps: Uint32Array,
): SequenceTrace[] {
  const { dModel: d, numHeads: H, numBins: B, maxLayers: L } = config;
  const { rowState, rowAssignment, rowAttention } = rowFields(config, "trace").places;
  const { state, bins } = groupsOf(config);
  const value = (field: number, feature: number, token: number) =>
    rows[4 * ((field + Math.floor(feature / 4)) * tokens + token) + feature % 4];
  return Array.from(labels, (_, s) => {
    const first = offsets[s], n = offsets[s + 1] - first;
    const perHead = (field: number) =>
      Float32Array.from({ length: H * n * B }, (_, k) => {
        const bin = k % B, i = Math.floor(k / B) % n, head = Math.floor(k / (B * n));
        return value(field + head * bins, bin, first + i);
      });
    return {
      stepProbabilities: Float32Array.from(
        { length: n * L },
        (_, k) => probabilities[(k % L) * tokens + first + Math.floor(k / L)],
      ),
      haltingSteps: Uint8Array.from(steps.subarray(first, first + n)),
      binAssignmentStep0: perHead(rowAssignment),
      attentionStep0: perHead(rowAttention),
      stateStep0: Float32Array.from(
        { length: n * d },
        (_, k) => value(rowState + state, k % d, first + Math.floor(k / d)),
      ),
    };
  });
}
