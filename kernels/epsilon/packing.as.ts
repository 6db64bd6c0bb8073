// The weights as the tile products want them (simd/packed.as.ts), remade once a call from the natural-order slab, and the
// way back for gradients.
//
// Keys and values share one matrix of 8·dGroups outputs: keys from output 0, values from output 4·dGroups.

import {
  atBeta1, atBeta2, atBinWeight, atFfn1Bias, atFfn1Weight, atFfn2Bias, atFfn2Weight, atGamma1, atGamma2, atHalting,
  atHeadBias, atHeadWeight, atKeyBias, atKeyWeight, atLogTau, atOutputBias, atOutputWeight, atPrototypes, atQueryBias,
  atQueryWeight, atValueBias, atValueWeight, binGroups, buffers, dGroups, dModel, ffnDim, gradientSlots,
  headDim, maxLayers, numBins, numClasses, numHeads, packedBeta1, packedBeta2, packedBin, packedFfn1,
  packedFfn1Bias, packedFfn2, packedFfn2Bias, packedGamma1, packedGamma2, packedHalting, packedHaltingBias,
  packedKeyValue, packedKeyValueBias, packedOutput, packedOutputBias, packedPrototypes, packedQuery, packedQueryBias,
  slotBeta1, slotBeta2, slotBin, slotFfn1, slotFfn1Bias, slotFfn2, slotFfn2Bias, slotGamma1, slotGamma2,
  slotHalting, slotHaltingBias, slotHeadBias, slotHeadWeight, slotKeyValue, slotKeyValueBias, slotOutput,
  slotOutputBias, slotPrototypes, slotQuery, slotQueryBias, slotTau, spectralNorms, tauFactors, transposedBin,
  transposedFfn1, transposedFfn2, transposedKeyValue, transposedOutput, transposedPrototypes, transposedQuery,
} from "../header.as";
import { copy, gradientOf, pack, packTransposed, parameter, slotGradients, unpack } from "../simd/packed.as";
import { powerIteration, spectralGradient, spectralNorm } from "./spectral_norm.as";

const LATENT: i32 = 8;

/** 1/(max(e^{log τ}, 1e-3) + 1e-8) of a head. */
function inverseTemperature(head: i32): f32 {
  const tau = max(Math.exp(<f64>load<f32>(parameter(atLogTau() + head))), 1e-3);
  return <f32>(1 / (tau + 1e-8));
}

/** Packs all weights; `iterating` first takes one power iteration of both FFN layers (spec §1, "Spectral norm"). */
export function packWeights(iterating: bool): void {
  const d = dModel(), f = ffnDim(), dPadded = 4 * dGroups(), dh = headDim(), bins = numBins();
  const u1 = buffers(), v1 = u1 + (<usize>f << 2), u2 = v1 + (<usize>d << 2), v2 = u2 + (<usize>d << 2);
  const w1 = parameter(atFfn1Weight()), w2 = parameter(atFfn2Weight());
  if (iterating) {
    powerIteration(w1, u1, v1, f, d);
    powerIteration(w2, u2, v2, d, f);
  }
  const sigma1 = spectralNorm(w1, u1, v1, f, d), sigma2 = spectralNorm(w2, u2, v2, d, f);
  store<f64>(spectralNorms(), sigma1);
  store<f64>(spectralNorms(), sigma2, 8);
  pack(packedFfn1(), d, 0, w1, f, d, <f32>(1 / sigma1));
  packTransposed(transposedFfn1(), f, 0, w1, f, d, <f32>(1 / sigma1));
  pack(packedFfn2(), f, 0, w2, d, f, <f32>(1 / sigma2));
  packTransposed(transposedFfn2(), d, 0, w2, d, f, <f32>(1 / sigma2));
  copy(packedFfn1Bias(), parameter(atFfn1Bias()), f);
  copy(packedFfn2Bias(), parameter(atFfn2Bias()), d);

  copy(packedGamma1(), parameter(atGamma1()), d);
  copy(packedBeta1(), parameter(atBeta1()), d);
  copy(packedGamma2(), parameter(atGamma2()), d);
  copy(packedBeta2(), parameter(atBeta2()), d);

  pack(packedQuery(), d, 0, parameter(atQueryWeight()), d, d, 1);
  packTransposed(transposedQuery(), d, 0, parameter(atQueryWeight()), d, d, 1);
  copy(packedQueryBias(), parameter(atQueryBias()), d);
  pack(packedKeyValue(), d, 0, parameter(atKeyWeight()), d, d, 1);
  pack(packedKeyValue(), d, dPadded, parameter(atValueWeight()), d, d, 1);
  packTransposed(transposedKeyValue(), 2 * dPadded, 0, parameter(atKeyWeight()), d, d, 1);
  packTransposed(transposedKeyValue(), 2 * dPadded, dPadded, parameter(atValueWeight()), d, d, 1);
  copy(packedKeyValueBias(), parameter(atKeyBias()), d);
  copy(packedKeyValueBias() + (<usize>dPadded << 2), parameter(atValueBias()), d);
  pack(packedOutput(), d, 0, parameter(atOutputWeight()), d, d, 1);
  packTransposed(transposedOutput(), d, 0, parameter(atOutputWeight()), d, d, 1);
  copy(packedOutputBias(), parameter(atOutputBias()), d);

  pack(packedBin(), dh, 0, parameter(atBinWeight()), LATENT, dh, 1);
  packTransposed(transposedBin(), LATENT, 0, parameter(atBinWeight()), LATENT, dh, 1);
  for (let head = 0; head < numHeads(); head++) {
    const inverse = inverseTemperature(head);
    const prototypes = parameter(atPrototypes() + head * bins * LATENT);
    pack(packedPrototypes() + (<usize>(head * binGroups() * LATENT) << 4), LATENT, 0, prototypes, bins, LATENT, inverse);
    packTransposed(
      transposedPrototypes() + (<usize>(head * bins * LATENT) << 2), bins, 0, prototypes, bins, LATENT, inverse,
    );
    const tau = Math.exp(<f64>load<f32>(parameter(atLogTau() + head)));
    store<f32>(tauFactors() + (<usize>head << 2), tau > 1e-3 ? <f32>(-tau) * inverse : 0);
  }
  for (let t = 0; t < maxLayers(); t++) {
    const unit = parameter(atHalting() + t * (d + 1));
    copy(packedHalting() + (<usize>(t * dPadded) << 2), unit, d);
    copy(packedHaltingBias() + (<usize>t << 2), unit + (<usize>d << 2), 1);
  }
}

/** Adds the slots of all sequences into the first, in the batch's order, and writes all gradients but the embedding's. */
export function unpackGradients(slots: i32, slotSize: usize): void {
  slotGradients(slots, slotSize);
  const slot = gradientSlots();
  const d = dModel(), f = ffnDim(), dPadded = 4 * dGroups(), dh = headDim(), bins = numBins();
  copy(gradientOf(atGamma1()), slot + slotGamma1(), d);
  copy(gradientOf(atBeta1()), slot + slotBeta1(), d);
  copy(gradientOf(atGamma2()), slot + slotGamma2(), d);
  copy(gradientOf(atBeta2()), slot + slotBeta2(), d);
  copy(gradientOf(atLogTau()), slot + slotTau(), numHeads());
  for (let head = 0; head < numHeads(); head++) {
    unpack(
      gradientOf(atPrototypes() + head * bins * LATENT), slot + slotPrototypes() + (<usize>(head * binGroups() * LATENT) << 4),
      LATENT, 0, bins, LATENT, inverseTemperature(head),
    );
  }
  unpack(gradientOf(atBinWeight()), slot + slotBin(), dh, 0, LATENT, dh, 1);
  unpack(gradientOf(atQueryWeight()), slot + slotQuery(), d, 0, d, d, 1);
  copy(gradientOf(atQueryBias()), slot + slotQueryBias(), d);
  unpack(gradientOf(atKeyWeight()), slot + slotKeyValue(), d, 0, d, d, 1);
  unpack(gradientOf(atValueWeight()), slot + slotKeyValue(), d, dPadded, d, d, 1);
  copy(gradientOf(atKeyBias()), slot + slotKeyValueBias(), d);
  copy(gradientOf(atValueBias()), slot + slotKeyValueBias() + (<usize>dPadded << 2), d);
  unpack(gradientOf(atOutputWeight()), slot + slotOutput(), d, 0, d, d, 1);
  copy(gradientOf(atOutputBias()), slot + slotOutputBias(), d);

  const u1 = buffers(), v1 = u1 + (<usize>f << 2), u2 = v1 + (<usize>d << 2), v2 = u2 + (<usize>d << 2);
  const dw1 = gradientOf(atFfn1Weight()), dw2 = gradientOf(atFfn2Weight());
  unpack(dw1, slot + slotFfn1(), d, 0, f, d, 1);
  spectralGradient(dw1, parameter(atFfn1Weight()), u1, v1, f, d, load<f64>(spectralNorms()));
  unpack(dw2, slot + slotFfn2(), f, 0, d, f, 1);
  spectralGradient(dw2, parameter(atFfn2Weight()), u2, v2, d, f, load<f64>(spectralNorms(), 8));
  copy(gradientOf(atFfn1Bias()), slot + slotFfn1Bias(), f);
  copy(gradientOf(atFfn2Bias()), slot + slotFfn2Bias(), d);

  for (let t = 0; t < maxLayers(); t++) {
    const unit = gradientOf(atHalting() + t * (d + 1));
    copy(unit, slot + slotHalting() + (<usize>(t * dPadded) << 2), d);
    copy(unit + (<usize>d << 2), slot + slotHaltingBias() + (<usize>t << 2), 1);
  }
  copy(gradientOf(atHeadWeight()), slot + slotHeadWeight(), numClasses() * d);
  copy(gradientOf(atHeadBias()), slot + slotHeadBias(), numClasses());
}
