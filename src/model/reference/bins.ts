import { LATENT_SIZE } from "../config.ts";
import { exp } from "../elementary.ts";
import { linearRow, linearRowBackward } from "./linear.ts";
import type { GradientParts, ModelParts } from "./parts.ts";
import { softmaxRow, softmaxRowBackward } from "./softmax.ts";

const TAU_OFFSET = 1e-8;
const SMALLEST_TAU = 1e-3;
export const MASS_OFFSET = 1e-6;

/** What the tokens of a sequence put into the bins at one renewal (spec §1, "HQSA"). */
export interface Bins {
  /** k [n × d], the heads side by side. */
  readonly keys: Float64Array;
  /** v [n × d] */
  readonly values: Float64Array;
  /** z [H × n × dlat] */
  readonly latents: Float64Array;
  /** a [H × n × B] */
  readonly assignment: Float64Array;
  /** m [H × B] */
  readonly mass: Float64Array;
  /** K [H × B × dh] */
  readonly binKeys: Float64Array;
  /** V [H × B × dh] */
  readonly binValues: Float64Array;
}

/** Gradients with respect to what later steps and losses take from `Bins`. */
export interface BinsGradient {
  /** [H × n × B], from the entropy loss. */
  readonly assignment: Float64Array;
  /** [H × B × dh] */
  readonly binKeys: Float64Array;
  /** [H × B × dh] */
  readonly binValues: Float64Array;
}

/** What z · prototype is multiplied by (spec §1): 1 / (τ + 1e-8), τ = max(exp(log_tau), 1e-3). */
export function sharpness(logTau: number): number {
  return 1 / (Math.max(exp(logTau), SMALLEST_TAU) + TAU_OFFSET);
}

function dot(x: Float64Array, xAt: number, y: Float64Array, yAt: number, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += x[xAt + j] * y[yAt + j];
  return sum;
}

/** Assigns all n tokens to the bins and fills K and V; x [n × d] is the state after CenterNorm1. */
export function formBins(parts: ModelParts, x: Float64Array): Bins {
  const { dModel: d, numHeads: H, numBins: B } = parts.config;
  const { tensors } = parts;
  const dh = d / H;
  const n = x.length / d;
  const bins: Bins = {
    keys: new Float64Array(n * d),
    values: new Float64Array(n * d),
    latents: new Float64Array(H * n * LATENT_SIZE),
    assignment: new Float64Array(H * n * B),
    mass: new Float64Array(H * B),
    binKeys: new Float64Array(H * B * dh),
    binValues: new Float64Array(H * B * dh),
  };
  const { keys, values, latents, assignment, mass, binKeys, binValues } = bins;
  for (let i = 0; i < n; i++) {
    linearRow(tensors.key, x, i * d, keys, i * d);
    linearRow(tensors.value, x, i * d, values, i * d);
  }
  for (let h = 0; h < H; h++) {
    const scale = sharpness(tensors.logTau[h]);
    for (let i = 0; i < n; i++) {
      const token = i * d + h * dh;
      const z = (h * n + i) * LATENT_SIZE;
      const a = (h * n + i) * B;
      for (let l = 0; l < LATENT_SIZE; l++) latents[z + l] = dot(tensors.binWeight, l * dh, keys, token, dh);
      for (let b = 0; b < B; b++) {
        assignment[a + b] = scale * dot(latents, z, tensors.prototypes, (h * B + b) * LATENT_SIZE, LATENT_SIZE);
      }
      softmaxRow(assignment, a, B);
      for (let b = 0; b < B; b++) {
        const share = assignment[a + b];
        const bin = (h * B + b) * dh;
        mass[h * B + b] += share;
        for (let j = 0; j < dh; j++) {
          binKeys[bin + j] += share * keys[token + j];
          binValues[bin + j] += share * values[token + j];
        }
      }
    }
    for (let b = 0; b < B; b++) {
      for (let j = 0; j < dh; j++) {
        binKeys[(h * B + b) * dh + j] /= mass[h * B + b] + MASS_OFFSET;
        binValues[(h * B + b) * dh + j] /= mass[h * B + b] + MASS_OFFSET;
      }
    }
  }
  return bins;
}

/** Backward of `formBins`: adds to the parameters' gradients and to dx [n × d]. */
export function formBinsBackward(
  parts: ModelParts,
  gradient: GradientParts,
  x: Float64Array,
  bins: Bins,
  upstream: BinsGradient,
  dx: Float64Array,
): void {
  const { dModel: d, numHeads: H, numBins: B } = parts.config;
  const { tensors } = parts;
  const dh = d / H;
  const n = x.length / d;
  const { keys, values, latents, assignment, mass, binKeys, binValues } = bins;
  const dKeys = new Float64Array(n * d);
  const dValues = new Float64Array(n * d);
  const dScores = new Float64Array(B);
  const dLatent = new Float64Array(LATENT_SIZE);
  const dMass = new Float64Array(B);
  for (let h = 0; h < H; h++) {
    const scale = sharpness(tensors.logTau[h]);
    let dScale = 0;
    for (let b = 0; b < B; b++) {
      const bin = (h * B + b) * dh;
      dMass[b] = -(dot(binKeys, bin, upstream.binKeys, bin, dh) + dot(binValues, bin, upstream.binValues, bin, dh)) /
        (mass[h * B + b] + MASS_OFFSET);
    }
    for (let i = 0; i < n; i++) {
      const token = i * d + h * dh;
      const z = (h * n + i) * LATENT_SIZE;
      const a = (h * n + i) * B;
      for (let b = 0; b < B; b++) {
        const bin = (h * B + b) * dh;
        const denominator = mass[h * B + b] + MASS_OFFSET;
        const share = assignment[a + b] / denominator;
        for (let j = 0; j < dh; j++) {
          dKeys[token + j] += share * upstream.binKeys[bin + j];
          dValues[token + j] += share * upstream.binValues[bin + j];
        }
        dScores[b] = upstream.assignment[a + b] + dMass[b] +
          (dot(keys, token, upstream.binKeys, bin, dh) + dot(values, token, upstream.binValues, bin, dh)) / denominator;
      }
      softmaxRowBackward(assignment, a, dScores, B);
      dLatent.fill(0);
      for (let b = 0; b < B; b++) {
        const prototype = (h * B + b) * LATENT_SIZE;
        dScale += dScores[b] * dot(latents, z, tensors.prototypes, prototype, LATENT_SIZE);
        for (let l = 0; l < LATENT_SIZE; l++) {
          dLatent[l] += scale * dScores[b] * tensors.prototypes[prototype + l];
          gradient.tensors.prototypes[prototype + l] += scale * dScores[b] * latents[z + l];
        }
      }
      for (let l = 0; l < LATENT_SIZE; l++) {
        for (let j = 0; j < dh; j++) {
          gradient.tensors.binWeight[l * dh + j] += dLatent[l] * keys[token + j];
          dKeys[token + j] += dLatent[l] * tensors.binWeight[l * dh + j];
        }
      }
    }
    const tau = exp(tensors.logTau[h]);
    if (tau >= SMALLEST_TAU) gradient.tensors.logTau[h] -= dScale * scale * scale * tau;
  }
  for (let i = 0; i < n; i++) {
    linearRowBackward(tensors.key, gradient.tensors.key, x, i * d, dKeys, i * d, dx, i * d);
    linearRowBackward(tensors.value, gradient.tensors.value, x, i * d, dValues, i * d, dx, i * d);
  }
}
