import { type ModelConfig, stepLimit } from "../../model/config.ts";
import type { SequenceTrace } from "../engine.ts";
import { collectSteps, type StepReader } from "../trace_steps.ts";
import type { Kernels } from "./module.ts";

/** Lanes of a tile. */
const LANES = 8;

/** Fields of a step's record (kernels/epsilon/workspace.as.ts). */
const Field = { stateIn: 0, stateOut: 1, assignments: 4, weights: 5, map: 7, active: 9, frozen: 10 } as const;

/** Reads the records of the sequence that `kernels` ran last; `steps` is the address of its n step counts. */
export function traceSequence(
  kernels: Kernels,
  buffer: ArrayBufferLike,
  config: ModelConfig,
  steps: number,
  n: number,
): SequenceTrace {
  const { maxLayers } = config;
  const limit = stepLimit(config);
  const floats = new Float32Array(buffer);
  const probabilities = kernels.probabilityRows() >>> 2, row = kernels.probabilityRowBytes() >>> 2;
  const haltingSteps = Uint8Array.from(new Uint8Array(buffer, steps, n));
  const all = collectSteps(config, haltingSteps, new RecordReader(kernels, buffer, config, n));
  return {
    stepProbabilities: Float32Array.from(
      { length: n * maxLayers },
      (_, k) => k % maxLayers < limit ? floats[probabilities + (k % maxLayers) * row + Math.floor(k / maxLayers)] : 0,
    ),
    haltingSteps,
    binAssignmentStep0: all.assignments[0],
    attentionStep0: all.attention[0],
    stateStep0: all.states[1],
    ...all,
  };
}

/** Finds tokens in tiles: active ones at the front, behind them those that have halted since the last renewal. */
class RecordReader implements StepReader {
  readonly #kernels: Kernels;
  readonly #floats: Float32Array;
  readonly #words: Uint32Array;
  readonly #config: ModelConfig;
  /** Rows of a tile of states, and of one head in a tile of assignments. */
  readonly #stateRows: number;
  readonly #binRows: number;
  /** The place of each token at the present step [n]. */
  readonly #places: Uint32Array;
  #fields = { stateIn: 0, stateOut: 0, assignments: 0, weights: 0 };

  constructor(kernels: Kernels, buffer: ArrayBufferLike, config: ModelConfig, n: number) {
    this.#kernels = kernels;
    this.#floats = new Float32Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#config = config;
    this.#stateRows = 4 * Math.ceil(config.dModel / 4);
    this.#binRows = 4 * Math.ceil(config.numBins / 4);
    this.#places = new Uint32Array(n);
    this.begin(0);
  }

  begin(step: number): void {
    const field = (index: number) => this.#kernels.recordField(step, index) >>> 0;
    const active = field(Field.active), frozen = field(Field.frozen), map = field(Field.map) >>> 2;
    const behind = LANES * Math.ceil(active / LANES);
    for (let p = 0; p < active; p++) this.#places[this.#words[map + p]] = p;
    for (let p = behind; p < behind + frozen; p++) this.#places[this.#words[map + p]] = p;
    this.#fields = {
      stateIn: field(Field.stateIn),
      stateOut: field(Field.stateOut),
      assignments: field(Field.assignments),
      weights: field(Field.weights),
    };
  }

  start(token: number, out: Float32Array, at: number): void {
    this.#copy(this.#fields.stateIn, this.#stateRows, 0, token, this.#config.dModel, out, at);
  }

  state(token: number, out: Float32Array, at: number): void {
    this.#copy(this.#fields.stateOut, this.#stateRows, 0, token, this.#config.dModel, out, at);
  }

  assignment(head: number, token: number, out: Float32Array, at: number): void {
    this.#copyHead(this.#fields.assignments, head, token, out, at);
  }

  attention(head: number, token: number, out: Float32Array, at: number): void {
    this.#copyHead(this.#fields.weights, head, token, out, at);
  }

  #copyHead(address: number, head: number, token: number, out: Float32Array, at: number): void {
    const { numHeads, numBins } = this.#config;
    this.#copy(address, numHeads * this.#binRows, head * this.#binRows, token, numBins, out, at);
  }

  /** `count` rows from `row` on of a token in tiles of `rows` rows that start at `address`. */
  #copy(
    address: number,
    rows: number,
    row: number,
    token: number,
    count: number,
    out: Float32Array,
    at: number,
  ): void {
    const place = this.#places[token];
    const first = (address >>> 2) + (Math.floor(place / LANES) * rows + row) * LANES + place % LANES;
    for (let k = 0; k < count; k++) out[at + k] = this.#floats[first + k * LANES];
  }
}
