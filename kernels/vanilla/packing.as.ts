// The vanilla model's weights as the tile products want them (simd/packed.as.ts), and the way back for gradients.
//
// Blocks lie `packedBlockBytes` apart, their gradients `slotBlockBytes`, their tensors `atBlockStride` elements: the places
// in the header are those of the first. q, k and v share one matrix of 12·dGroups outputs, from 0, 4·dGroups, 8·dGroups on.

import {
  atBeta1, atBeta2, atBetaOut, atBlockStride, atFfn1Bias, atFfn1Weight, atFfn2Bias, atFfn2Weight, atGamma1, atGamma2,
  atGammaOut, atHeadBias, atHeadWeight, atOutputBias, atOutputWeight, atProjectionBias, atProjectionWeight, dGroups,
  dModel, ffnDim, gradientSlots, maxLayers, numClasses, packedBeta1, packedBeta2, packedBetaOut, packedBlockBytes,
  packedFfn1, packedFfn1Bias, packedFfn2, packedFfn2Bias, packedGamma1, packedGamma2, packedGammaOut, packedOutput,
  packedOutputBias, packedProjection, packedProjectionBias, slotBeta1, slotBeta2, slotBetaOut, slotBlockBytes, slotFfn1,
  slotFfn1Bias, slotFfn2, slotFfn2Bias, slotGamma1, slotGamma2, slotGammaOut, slotHeadBias, slotHeadWeight, slotOutput,
  slotOutputBias, slotProjection, slotProjectionBias, transposedFfn1, transposedFfn2, transposedOutput,
  transposedProjection,
} from "../header.as";
import { copy, gradientOf, pack, packTransposed, parameter, slotGradients, unpack } from "../simd/packed.as";

/** Packs all weights. */
export function packStack(): void {
  const d = dModel(), f = ffnDim(), padded = 4 * dGroups();
  for (let layer = 0; layer < maxLayers(); layer++) {
    const block = <usize>layer * packedBlockBytes();
    const at = layer * atBlockStride();
    copy(packedGamma1() + block, parameter(atGamma1() + at), d);
    copy(packedBeta1() + block, parameter(atBeta1() + at), d);
    copy(packedGamma2() + block, parameter(atGamma2() + at), d);
    copy(packedBeta2() + block, parameter(atBeta2() + at), d);
    for (let part = 0; part < 3; part++) {
      const weight = parameter(atProjectionWeight() + at + part * d * d), from = part * padded;
      pack(packedProjection() + block, d, from, weight, d, d, 1);
      packTransposed(transposedProjection() + block, 3 * padded, from, weight, d, d, 1);
      copy(
        packedProjectionBias() + block + (<usize>from << 2), parameter(atProjectionBias() + at + part * d), d,
      );
    }
    const output = parameter(atOutputWeight() + at);
    pack(packedOutput() + block, d, 0, output, d, d, 1);
    packTransposed(transposedOutput() + block, d, 0, output, d, d, 1);
    copy(packedOutputBias() + block, parameter(atOutputBias() + at), d);
    const w1 = parameter(atFfn1Weight() + at), w2 = parameter(atFfn2Weight() + at);
    pack(packedFfn1() + block, d, 0, w1, f, d, 1);
    packTransposed(transposedFfn1() + block, f, 0, w1, f, d, 1);
    copy(packedFfn1Bias() + block, parameter(atFfn1Bias() + at), f);
    pack(packedFfn2() + block, f, 0, w2, d, f, 1);
    packTransposed(transposedFfn2() + block, d, 0, w2, d, f, 1);
    copy(packedFfn2Bias() + block, parameter(atFfn2Bias() + at), d);
  }
  copy(packedGammaOut(), parameter(atGammaOut()), d);
  copy(packedBetaOut(), parameter(atBetaOut()), d);
}

/** Adds the slots of all sequences, in the batch's order, and writes all gradients but the embedding's. */
export function unpackStackGradients(slots: i32, slotSize: usize): void {
  slotGradients(slots, slotSize);
  const d = dModel(), f = ffnDim(), padded = 4 * dGroups();
  for (let layer = 0; layer < maxLayers(); layer++) {
    const slot = gradientSlots() + <usize>layer * slotBlockBytes();
    const at = layer * atBlockStride();
    copy(gradientOf(atGamma1() + at), slot + slotGamma1(), d);
    copy(gradientOf(atBeta1() + at), slot + slotBeta1(), d);
    copy(gradientOf(atGamma2() + at), slot + slotGamma2(), d);
    copy(gradientOf(atBeta2() + at), slot + slotBeta2(), d);
    for (let part = 0; part < 3; part++) {
      const from = part * padded;
      unpack(gradientOf(atProjectionWeight() + at + part * d * d), slot + slotProjection(), d, from, d, d, 1);
      copy(gradientOf(atProjectionBias() + at + part * d), slot + slotProjectionBias() + (<usize>from << 2), d);
    }
    unpack(gradientOf(atOutputWeight() + at), slot + slotOutput(), d, 0, d, d, 1);
    copy(gradientOf(atOutputBias() + at), slot + slotOutputBias(), d);
    unpack(gradientOf(atFfn1Weight() + at), slot + slotFfn1(), d, 0, f, d, 1);
    copy(gradientOf(atFfn1Bias() + at), slot + slotFfn1Bias(), f);
    unpack(gradientOf(atFfn2Weight() + at), slot + slotFfn2(), f, 0, d, f, 1);
    copy(gradientOf(atFfn2Bias() + at), slot + slotFfn2Bias(), d);
  }
  const slot = gradientSlots();
  copy(gradientOf(atGammaOut()), slot + slotGammaOut(), d);
  copy(gradientOf(atBetaOut()), slot + slotBetaOut(), d);
  copy(gradientOf(atHeadWeight()), slot + slotHeadWeight(), numClasses() * d);
  copy(gradientOf(atHeadBias()), slot + slotHeadBias(), numClasses());
}
