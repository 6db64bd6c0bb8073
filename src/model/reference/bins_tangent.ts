import { LATENT_SIZE } from "../config.ts";
import { type Bins, MASS_OFFSET, sharpness } from "./bins.ts";
import { linearTangentRow } from "./linear.ts";
import type { ModelParts } from "./parts.ts";
import { softmaxRowBackward } from "./softmax.ts";

/** Tangents of what the lookup takes from the bins, [H × B × dh] each. */
export interface BinsTangent {
  readonly binKeys: Float64Array;
  readonly binValues: Float64Array;
}

/** Forward derivative of `formBins` by x: `dx` [n × d] is a tangent of the state after CenterNorm1. */
export function formBinsTangent(parts: ModelParts, bins: Bins, dx: Float64Array): BinsTangent {
  const { tensors, config: { dModel: d, numHeads: H, numBins: B } } = parts;
  const dh = d / H, n = dx.length / d;
  const { keys, values, assignment, mass, binKeys, binValues } = bins;
  const dKeys = new Float64Array(n * d), dValues = new Float64Array(n * d);
  for (let i = 0; i < n; i++) {
    linearTangentRow(tensors.key, dx, i * d, dKeys, i * d);
    linearTangentRow(tensors.value, dx, i * d, dValues, i * d);
  }
  const tangent = { binKeys: new Float64Array(H * B * dh), binValues: new Float64Array(H * B * dh) };
  const dLatent = new Float64Array(LATENT_SIZE);
  const dAssignment = new Float64Array(B);
  const dMass = new Float64Array(B);
  for (let h = 0; h < H; h++) {
    const scale = sharpness(tensors.logTau[h]);
    dMass.fill(0);
    for (let i = 0; i < n; i++) {
      const token = i * d + h * dh, a = (h * n + i) * B;
      for (let l = 0; l < LATENT_SIZE; l++) {
        dLatent[l] = 0;
        for (let j = 0; j < dh; j++) dLatent[l] += tensors.binWeight[l * dh + j] * dKeys[token + j];
      }
      for (let b = 0; b < B; b++) {
        const prototype = (h * B + b) * LATENT_SIZE;
        dAssignment[b] = 0;
        for (let l = 0; l < LATENT_SIZE; l++) dAssignment[b] += scale * dLatent[l] * tensors.prototypes[prototype + l];
      }
      softmaxRowBackward(assignment, a, dAssignment, B);
      for (let b = 0; b < B; b++) {
        const share = assignment[a + b], dShare = dAssignment[b], bin = (h * B + b) * dh;
        dMass[b] += dShare;
        for (let j = 0; j < dh; j++) {
          tangent.binKeys[bin + j] += dShare * keys[token + j] + share * dKeys[token + j];
          tangent.binValues[bin + j] += dShare * values[token + j] + share * dValues[token + j];
        }
      }
    }
    for (let b = 0; b < B; b++) {
      const denominator = mass[h * B + b] + MASS_OFFSET;
      for (let e = (h * B + b) * dh; e < (h * B + b + 1) * dh; e++) {
        tangent.binKeys[e] = (tangent.binKeys[e] - dMass[b] * binKeys[e]) / denominator;
        tangent.binValues[e] = (tangent.binValues[e] - dMass[b] * binValues[e]) / denominator;
      }
    }
  }
  return tangent;
}
