import type { Precision } from "../precision.ts";
import { STORAGES } from "./storage.ts";

/** How often a step reads and writes a vector. */
interface Accesses {
  readonly reads: number;
  readonly writes: number;
}

/** Vectors of four floats that a step reads and writes of a field of `rows`, for one token. */
export interface FieldTraffic extends Accesses {
  readonly field: string;
  /** In half precision, where it is not the same: what stands in two places counts twice. */
  readonly half?: Accesses;
}

/**
 * What sequence.wgsl touches for one token and one application of the paper's block, forward and backward, in the order of
 * `rowFields`: counted in the running kernel, access by access (tests/engine/gpu_traffic_test.ts).
 */
export const TRAFFIC: readonly FieldTraffic[] = [
  { field: "rowX", reads: 36, writes: 6 },
  { field: "rowQuery", reads: 16, writes: 4 },
  { field: "rowKey", reads: 24, writes: 8 },
  { field: "rowValue", reads: 16, writes: 4 },
  { field: "rowLatent", reads: 20, writes: 4 },
  { field: "rowHidden", reads: 54, writes: 18 },
  { field: "rowStream", reads: 0, writes: 0, half: { reads: 12, writes: 12 } },
  { field: "rowState", reads: 15, writes: 3 },
  { field: "rowMiddle", reads: 3, writes: 3 },
  { field: "rowMixed", reads: 12, writes: 4 },
  { field: "rowAssignment", reads: 48, writes: 8 },
  { field: "rowAttention", reads: 8, writes: 8 },
  { field: "rowGradient", reads: 6, writes: 6 },
  { field: "rowBranch2", reads: 57, writes: 3 },
  { field: "rowCentred2", reads: 3, writes: 3 },
  { field: "rowY", reads: 54, writes: 3 },
  { field: "rowDy", reads: 6, writes: 3 },
  { field: "rowBranch1", reads: 15, writes: 3 },
  { field: "rowCentred1", reads: 3, writes: 6 },
  { field: "rowDx", reads: 9, writes: 6 },
  { field: "rowDBefore", reads: 72, writes: 18 },
  { field: "rowDMixed", reads: 16, writes: 4 },
  { field: "rowDQuery", reads: 16, writes: 4 },
  { field: "rowDKey", reads: 16, writes: 4 },
  { field: "rowDValue", reads: 16, writes: 4 },
  { field: "rowDScore", reads: 24, writes: 8, half: { reads: 40, writes: 16 } },
  { field: "rowDropped", reads: 16, writes: 8 },
  { field: "rowDAssignment", reads: 16, writes: 8, half: { reads: 32, writes: 16 } },
  { field: "rowDLatent", reads: 12, writes: 4 },
  // Of steps with noise alone.
  { field: "rowNoisy", reads: 0, writes: 0 },
];

/** What a field costs in `precision`. */
export const accessesOf = ({ reads, writes, half }: FieldTraffic, precision: Precision): Accesses =>
  precision === "f16" && half !== undefined ? half : { reads, writes };

/** Bytes of `rows` that a training step of the paper's model reads and writes for a token of so many steps. */
export function rowTraffic(
  meanSteps: number,
  precision: Precision = "f32",
): { readonly read: number; readonly written: number } {
  const bytes = (way: keyof Accesses) =>
    STORAGES[precision].vectorBytes * meanSteps *
    TRAFFIC.reduce((sum, field) => sum + accessesOf(field, precision)[way], 0);
  return { read: bytes("reads"), written: bytes("writes") };
}
