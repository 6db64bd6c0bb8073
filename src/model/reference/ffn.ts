import { type DropoutMask, DropoutSite } from "../dropout.ts";
import { gelu, geluSlope } from "./gelu.ts";
import { linearRow, linearRowBackward } from "./linear.ts";
import type { GradientParts, ModelParts, Place } from "./parts.ts";

/** Working rows of `ffnRow` and its backward, [ffnDim] each. */
export class FfnScratch {
  readonly before: Float64Array;
  readonly hidden: Float64Array;
  readonly kept: Float64Array;
  readonly dHidden: Float64Array;

  constructor({ config: { ffnDim } }: ModelParts) {
    this.before = new Float64Array(ffnDim);
    this.hidden = new Float64Array(ffnDim);
    this.kept = new Float64Array(ffnDim);
    this.dHidden = new Float64Array(ffnDim);
  }
}

function fillHidden(
  parts: ModelParts,
  y: Float64Array,
  place: Place,
  mask: DropoutMask,
  { before, hidden, kept }: FfnScratch,
): void {
  linearRow(parts.spectral1.layer, y, place.token * parts.config.dModel, before, 0);
  mask.fill(kept, kept.length, DropoutSite.ffnHidden, place.token, place.step);
  for (let f = 0; f < hidden.length; f++) hidden[f] = kept[f] * gelu(before[f]);
}

/** `out` [d] = W̄₂ · dropout(GELU(W̄₁ y + b₁)) + b₂ for one token of y [n × d] (spec §1). */
export function ffnRow(
  parts: ModelParts,
  y: Float64Array,
  place: Place,
  mask: DropoutMask,
  out: Float64Array,
  scratch: FfnScratch,
): void {
  fillHidden(parts, y, place, mask, scratch);
  linearRow(parts.spectral2.layer, scratch.hidden, 0, out, 0);
}

/** Backward of `ffnRow`; the hidden row is computed again, so that nothing has to be kept. Adds to dy [n × d]. */
export function ffnRowBackward(
  parts: ModelParts,
  gradient: GradientParts,
  y: Float64Array,
  place: Place,
  mask: DropoutMask,
  dOut: Float64Array,
  dy: Float64Array,
  scratch: FfnScratch,
): void {
  const { before, hidden, kept, dHidden } = scratch;
  const at = place.token * parts.config.dModel;
  fillHidden(parts, y, place, mask, scratch);
  dHidden.fill(0);
  linearRowBackward(parts.spectral2.layer, gradient.normalized2, hidden, 0, dOut, 0, dHidden, 0);
  for (let f = 0; f < hidden.length; f++) dHidden[f] *= kept[f] * geluSlope(before[f]);
  linearRowBackward(parts.spectral1.layer, gradient.normalized1, y, at, dHidden, 0, dy, at);
}
