import { type DropoutMask, DropoutSite } from "../dropout.ts";
import { type Bins, type BinsGradient, formBins, formBinsBackward } from "./bins.ts";
import { centerNormRow, centerNormRowBackward } from "./center_norm.ts";
import { ffnRow, ffnRowBackward, FfnScratch } from "./ffn.ts";
import { emptyLookup, type Lookup, lookupRow, lookupRowBackward, LookupScratch } from "./lookup.ts";
import type { GradientParts, ModelParts } from "./parts.ts";

/** One application of the EpsilonBlock to one sequence: what the backward pass needs of it. */
export interface BlockStep {
  readonly t: number;
  /** 1 for each token that this step updates [n]. */
  readonly updated: Uint8Array;
  /** h [n × d] */
  readonly input: Float64Array;
  /** CenterNorm1(h) [n × d] */
  readonly x: Float64Array;
  readonly bins: Bins;
  /** Whether this step renewed the bins; else they are an earlier step's. */
  readonly renewed: boolean;
  readonly lookup: Lookup;
  /** h′ [n × d] */
  readonly middle: Float64Array;
  /** CenterNorm2(h′) [n × d] */
  readonly y: Float64Array;
  /** h⁺ [n × d] */
  readonly output: Float64Array;
}

/** Working rows shared by all steps. */
export class BlockScratch {
  readonly lookup: LookupScratch;
  readonly ffn: FfnScratch;
  /** [d] */
  readonly branch: Float64Array;
  /** [d] */
  readonly kept: Float64Array;

  constructor(parts: ModelParts) {
    this.lookup = new LookupScratch(parts);
    this.ffn = new FfnScratch(parts);
    this.branch = new Float64Array(parts.config.dModel);
    this.kept = new Float64Array(parts.config.dModel);
  }
}

/**
 * h⁺ = h′ + α·dropout(FFN(CenterNorm2(h′))), h′ = h + α·dropout(HQSA(CenterNorm1(h))) for the updated tokens; the
 * others keep h, and take part in the bins with it (spec §1). `earlier` is the bins of the last renewal, if any.
 */
export function blockStep(
  parts: ModelParts,
  input: Float64Array,
  updated: Uint8Array,
  t: number,
  earlier: Bins | undefined,
  mask: DropoutMask,
  scratch: BlockScratch,
): BlockStep {
  const { dModel: d, alphaRes, binUpdateFrequency } = parts.config;
  const { tensors } = parts;
  const n = updated.length;
  const x = new Float64Array(n * d);
  for (let i = 0; i < n; i++) centerNormRow(tensors.norm1, input, x, i * d);
  const renewed = earlier === undefined || t % binUpdateFrequency === 0;
  const bins = renewed ? formBins(parts, x) : earlier;
  const lookup = emptyLookup(parts, n);
  const middle = input.slice();
  const y = new Float64Array(n * d);
  const { branch, kept } = scratch;
  for (let i = 0; i < n; i++) {
    if (updated[i] === 0) continue;
    lookupRow(parts, bins, x, { token: i, step: t }, mask, lookup, branch, scratch.lookup);
    mask.fill(kept, d, DropoutSite.attentionOutput, i, t);
    for (let j = 0; j < d; j++) middle[i * d + j] += alphaRes * kept[j] * branch[j];
  }
  const output = middle.slice();
  for (let i = 0; i < n; i++) {
    if (updated[i] === 0) continue;
    centerNormRow(tensors.norm2, middle, y, i * d);
    ffnRow(parts, y, { token: i, step: t }, mask, branch, scratch.ffn);
    mask.fill(kept, d, DropoutSite.ffnOutput, i, t);
    for (let j = 0; j < d; j++) output[i * d + j] += alphaRes * kept[j] * branch[j];
  }
  return { t, updated, input, x, bins, renewed, lookup, middle, y, output };
}

function clear({ assignment, binKeys, binValues }: BinsGradient): void {
  assignment.fill(0);
  binKeys.fill(0);
  binValues.fill(0);
}

/**
 * Backward of `blockStep`: `dh` [n × d] is dL/dh⁺ and becomes dL/dh. `dBins` gathers what the steps take from the bins
 * until their renewal is reached, which consumes and clears it.
 */
export function blockStepBackward(
  parts: ModelParts,
  gradient: GradientParts,
  { t, updated, input, x, bins, renewed, lookup, middle, y }: BlockStep,
  mask: DropoutMask,
  dh: Float64Array,
  dBins: BinsGradient,
  scratch: BlockScratch,
): void {
  const { dModel: d, alphaRes } = parts.config;
  const { tensors } = parts;
  const n = updated.length;
  const dx = new Float64Array(n * d);
  const dy = new Float64Array(n * d);
  const { branch: dBranch, kept } = scratch;
  for (let i = 0; i < n; i++) {
    if (updated[i] === 0) continue;
    const place = { token: i, step: t };
    mask.fill(kept, d, DropoutSite.ffnOutput, i, t);
    for (let j = 0; j < d; j++) dBranch[j] = alphaRes * kept[j] * dh[i * d + j];
    ffnRowBackward(parts, gradient, y, place, mask, dBranch, dy, scratch.ffn);
    centerNormRowBackward(tensors.norm2, gradient.tensors.norm2, middle, dy, dh, i * d);
    mask.fill(kept, d, DropoutSite.attentionOutput, i, t);
    for (let j = 0; j < d; j++) dBranch[j] = alphaRes * kept[j] * dh[i * d + j];
    lookupRowBackward(parts, gradient, bins, x, place, mask, lookup, dBranch, dBins, dx, scratch.lookup);
  }
  if (renewed) {
    formBinsBackward(parts, gradient, x, bins, dBins, dx);
    clear(dBins);
  }
  for (let i = 0; i < n; i++) centerNormRowBackward(tensors.norm1, gradient.tensors.norm1, input, dx, dh, i * d);
}
