import type { ModelConfig } from "../../model/config.ts";
import type { SequenceTrace } from "../engine.ts";
import type { Kernels } from "./module.ts";

/** Lanes of a tile. */
const LANES = 8;

/** Fields of a step's record (kernels/epsilon/workspace.as.ts). */
const Field = { stateOut: 1, assignments: 4, weights: 5 } as const;

/** Reads the record of the sequence that `kernels` ran last; `steps` is the address of its n step counts. */
export function traceSequence(
  kernels: Kernels,
  buffer: ArrayBufferLike,
  config: ModelConfig,
  steps: number,
  n: number,
): SequenceTrace {
  const { dModel, numHeads, numBins, maxLayers } = config;
  const binRows = 4 * Math.ceil(numBins / 4);
  const floats = new Float32Array(buffer);
  /** Row `row` of token i in tiles of `rows` rows that start at `address`. */
  const at = (address: number, rows: number, row: number, i: number) =>
    floats[(address >>> 2) + (Math.floor(i / LANES) * rows + row) * LANES + i % LANES];
  const perHead = (address: number) =>
    Float32Array.from({ length: numHeads * n * numBins }, (_, k) => {
      const bin = k % numBins, i = Math.floor(k / numBins) % n, head = Math.floor(k / (numBins * n));
      return at(address, numHeads * binRows, head * binRows + bin, i);
    });
  const stateRows = 4 * Math.ceil(dModel / 4);
  const stateOut = kernels.recordField(Field.stateOut) >>> 0;
  const probabilities = kernels.probabilityRows() >>> 2, row = kernels.probabilityRowBytes() >>> 2;
  return {
    stepProbabilities: Float32Array.from(
      { length: n * maxLayers },
      (_, k) => floats[probabilities + (k % maxLayers) * row + Math.floor(k / maxLayers)],
    ),
    haltingSteps: Uint8Array.from(new Uint8Array(buffer, steps, n)),
    binAssignmentStep0: perHead(kernels.recordField(Field.assignments) >>> 0),
    attentionStep0: perHead(kernels.recordField(Field.weights) >>> 0),
    stateStep0: Float32Array.from(
      { length: n * dModel },
      (_, k) => at(stateOut, stateRows, k % dModel, Math.floor(k / dModel)),
    ),
  };
}
