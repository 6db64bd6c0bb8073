import { type DropoutMask, DropoutSite } from "../dropout.ts";
import type { Bins, BinsGradient } from "./bins.ts";
import { linearRow, linearRowBackward } from "./linear.ts";
import type { GradientParts, ModelParts, Place } from "./parts.ts";
import { softmaxRow, softmaxRowBackward } from "./softmax.ts";

/** What the tokens read from the bins in one step; rows of tokens that are not updated stay zero. */
export interface Lookup {
  /** q [n × d] */
  readonly queries: Float64Array;
  /** w before dropout [H × n × B] */
  readonly attention: Float64Array;
  /** concat_heads(Σ_b w_b V_b) [n × d] */
  readonly mixed: Float64Array;
}

/** An empty `Lookup` for n tokens. */
export function emptyLookup(parts: ModelParts, n: number): Lookup {
  const { dModel: d, numHeads: H, numBins: B } = parts.config;
  return {
    queries: new Float64Array(n * d),
    attention: new Float64Array(H * n * B),
    mixed: new Float64Array(n * d),
  };
}

/** Working rows of `lookupRow` and its backward. */
export class LookupScratch {
  readonly kept: Float64Array;
  readonly slopes: Float64Array;
  readonly dMixed: Float64Array;
  readonly dQuery: Float64Array;

  constructor({ config }: ModelParts) {
    this.kept = new Float64Array(config.numHeads * config.numBins);
    this.slopes = new Float64Array(config.numBins);
    this.dMixed = new Float64Array(config.dModel);
    this.dQuery = new Float64Array(config.dModel);
  }
}

/** HQSA's answer to token i: `out` [d] = W_o · concat_heads(Σ_b dropout(w)_b V_b) + b_o (spec §1). */
export function lookupRow(
  parts: ModelParts,
  bins: Bins,
  x: Float64Array,
  { token: i, step }: Place,
  mask: DropoutMask,
  lookup: Lookup,
  out: Float64Array,
  scratch: LookupScratch,
): void {
  const { dModel: d, numHeads: H, numBins: B } = parts.config;
  const dh = d / H;
  const n = x.length / d;
  const { queries, attention, mixed } = lookup;
  const { kept } = scratch;
  linearRow(parts.tensors.query, x, i * d, queries, i * d);
  mask.fill(kept, H * B, DropoutSite.attentionWeights, i, step);
  for (let h = 0; h < H; h++) {
    const token = i * d + h * dh;
    const w = (h * n + i) * B;
    for (let b = 0; b < B; b++) {
      let score = 0;
      for (let j = 0; j < dh; j++) score += queries[token + j] * bins.binKeys[(h * B + b) * dh + j];
      attention[w + b] = score / Math.sqrt(dh);
    }
    softmaxRow(attention, w, B);
    for (let b = 0; b < B; b++) {
      const weight = kept[h * B + b] * attention[w + b];
      for (let j = 0; j < dh; j++) mixed[token + j] += weight * bins.binValues[(h * B + b) * dh + j];
    }
  }
  linearRow(parts.tensors.output, mixed, i * d, out, 0);
}

/** Backward of `lookupRow`: adds to the parameters', the bins' and x's gradients; `dOut` is [d]. */
export function lookupRowBackward(
  parts: ModelParts,
  gradient: GradientParts,
  bins: Bins,
  x: Float64Array,
  { token: i, step }: Place,
  mask: DropoutMask,
  { queries, attention, mixed }: Lookup,
  dOut: Float64Array,
  dBins: BinsGradient,
  dx: Float64Array,
  { kept, slopes, dMixed, dQuery }: LookupScratch,
): void {
  const { dModel: d, numHeads: H, numBins: B } = parts.config;
  const dh = d / H;
  const n = x.length / d;
  dMixed.fill(0);
  dQuery.fill(0);
  linearRowBackward(parts.tensors.output, gradient.tensors.output, mixed, i * d, dOut, 0, dMixed, 0);
  mask.fill(kept, H * B, DropoutSite.attentionWeights, i, step);
  for (let h = 0; h < H; h++) {
    const w = (h * n + i) * B;
    for (let b = 0; b < B; b++) {
      const bin = (h * B + b) * dh;
      const factor = kept[h * B + b];
      let slope = 0;
      for (let j = 0; j < dh; j++) {
        slope += dMixed[h * dh + j] * bins.binValues[bin + j];
        dBins.binValues[bin + j] += factor * attention[w + b] * dMixed[h * dh + j];
      }
      slopes[b] = factor * slope;
    }
    softmaxRowBackward(attention, w, slopes, B);
    for (let b = 0; b < B; b++) {
      const bin = (h * B + b) * dh;
      const slope = slopes[b] / Math.sqrt(dh);
      for (let j = 0; j < dh; j++) {
        dQuery[h * dh + j] += slope * bins.binKeys[bin + j];
        dBins.binKeys[bin + j] += slope * queries[i * d + h * dh + j];
      }
    }
  }
  linearRowBackward(parts.tensors.query, gradient.tensors.query, x, i * d, dQuery, 0, dx, i * d);
}
