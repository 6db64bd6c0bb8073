import type { Precision } from "../precision.ts";
import { STORAGES } from "./storage.ts";

/** Vectors of four floats that a step reads and writes of a field of `rows`, for one token. */
export interface FieldTraffic {
  readonly field: string;
  readonly reads: number;
  readonly writes: number;
}

/**
 * What sequence.wgsl touches for one token and one application of the paper's block, forward and backward, in the order of
 * `rowFields`: counted in the running kernel, access by access (tests/engine/gpu_traffic_test.ts).
 */
export const TRAFFIC: readonly FieldTraffic[] = [
  { field: "rowX", reads: 162, writes: 15 },
  { field: "rowQuery", reads: 32, writes: 8 },
  { field: "rowKey", reads: 104, writes: 8 },
  { field: "rowValue", reads: 80, writes: 8 },
  { field: "rowLatent", reads: 24, writes: 8 },
  { field: "rowHidden", reads: 108, writes: 36 },
  { field: "rowState", reads: 33, writes: 3 },
  { field: "rowMiddle", reads: 15, writes: 3 },
  { field: "rowMixed", reads: 24, writes: 4 },
  { field: "rowAssignment", reads: 88, writes: 24 },
  { field: "rowAttention", reads: 48, writes: 24 },
  { field: "rowGradient", reads: 15, writes: 9 },
  { field: "rowBranch2", reads: 111, writes: 3 },
  { field: "rowCentred2", reads: 3, writes: 3 },
  { field: "rowY", reads: 108, writes: 3 },
  { field: "rowDy", reads: 12, writes: 3 },
  { field: "rowBranch1", reads: 27, writes: 3 },
  { field: "rowCentred1", reads: 3, writes: 6 },
  { field: "rowDx", reads: 15, writes: 6 },
  { field: "rowDBefore", reads: 126, writes: 18 },
  { field: "rowDMixed", reads: 32, writes: 4 },
  { field: "rowDQuery", reads: 28, writes: 4 },
  { field: "rowDKey", reads: 28, writes: 4 },
  { field: "rowDValue", reads: 28, writes: 4 },
  { field: "rowDScore", reads: 56, writes: 16 },
  { field: "rowDropped", reads: 16, writes: 8 },
  { field: "rowDAssignment", reads: 40, writes: 16 },
  { field: "rowDLatent", reads: 20, writes: 4 },
  // Of steps with noise alone.
  { field: "rowNoisy", reads: 0, writes: 0 },
];

/** Bytes of `rows` that a training step of the paper's model reads and writes for a token of so many steps. */
export function rowTraffic(
  meanSteps: number,
  precision: Precision = "f32",
): { readonly read: number; readonly written: number } {
  const bytes = (vectors: (field: FieldTraffic) => number) =>
    STORAGES[precision].vectorBytes * meanSteps * TRAFFIC.reduce((sum, field) => sum + vectors(field), 0);
  return { read: bytes(({ reads }) => reads), written: bytes(({ writes }) => writes) };
}
