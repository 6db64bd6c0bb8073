import { type HeaderInteger, RESULT_FIELDS } from "../../../kernels/header.ts";
import type { PackedBatch } from "../../data/packed_batch.ts";
import { positionalEncoding } from "../../model/reference/embedding.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { ModelLayout } from "./layout.ts";
import { aligned, ALIGNMENT } from "./places.ts";
import { type Kernels, Want } from "./module.ts";

/** Addresses of a batch and of what its computation needs, all behind the model's own. */
export interface BatchPlaces {
  readonly integers: Partial<Record<HeaderInteger, number>>;
  readonly tokens: number;
  readonly offsets: number;
  readonly labels: number;
  readonly dropoutKeys: number;
  readonly order: number;
  readonly positions: number;
  readonly logits: number;
  readonly results: number;
  readonly haltingSteps: number;
  readonly tokenGradients: number;
  readonly factors: number;
  /** Workspaces of all threads, `workspaceBytes` apart. */
  readonly workspaces: number;
  readonly workspaceBytes: number;
  /** Tokens of the longest sequence. */
  readonly longest: number;
  readonly end: number;
}

/** AdamW's seven factors, doubles. */
const FACTOR_BYTES = 56;

/** Lays out a batch behind the model; `want` decides whether gradients and histories need room. */
export function placeBatch(
  config: ModelConfig,
  layout: ModelLayout,
  { tokens, offsets, labels }: PackedBatch,
  want: number,
  threads: number,
  kernels: Kernels,
): BatchPlaces {
  let next = layout.end;
  const take = (bytes: number) => {
    const place = next;
    next += aligned(bytes);
    return place;
  };
  const sequences = labels.length;
  const withGradient = want === Want.gradient;
  let longest = 0;
  for (let s = 0; s < sequences; s++) longest = Math.max(longest, offsets[s + 1] - offsets[s]);
  const places = {
    tokens: take(4 * tokens.length),
    offsets: take(4 * (sequences + 1)),
    labels: take(sequences),
    dropoutKeys: take(8 * sequences),
    positions: take(4 * longest * config.dModel),
    logits: take(4 * sequences * config.numClasses),
    results: take(8 * RESULT_FIELDS.length * sequences),
    haltingSteps: take(tokens.length),
    tokenGradients: take(withGradient ? 4 * tokens.length * config.dModel : 0),
    gradientSlots: take(withGradient ? sequences * layout.slotBytes : 0),
  };
  const order = take(4 * sequences);
  const factors = take(FACTOR_BYTES);
  const saving = want === Want.gradient || want === Want.record;
  const workspaceBytes = aligned(kernels.workspaceBytes(longest, saving ? 1 : 0) + ALIGNMENT);
  const workspaces = take(threads * workspaceBytes);
  return { integers: places, ...places, order, factors, workspaces, workspaceBytes, longest, end: next };
}

/** PE [positions × d] (spec §1) in single precision, made once and grown with the longest sequence. */
export class PositionTable {
  readonly #d: number;
  #values = new Float32Array(0);

  constructor(d: number) {
    this.#d = d;
  }

  /** The first `count` positions. */
  first(count: number): Float32Array {
    const d = this.#d;
    if (this.#values.length < count * d) {
      this.#values = Float32Array.from(
        { length: count * d },
        (_, k) => positionalEncoding(Math.floor(k / d), k % d, d),
      );
    }
    return this.#values.subarray(0, count * d);
  }
}
