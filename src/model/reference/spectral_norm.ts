import type { LinearLayer } from "./linear.ts";
import type { SpectralBuffers } from "./tensors.ts";

/** Below this length a vector is divided by it instead of by its own length, as PyTorch's `normalize` does. */
const SHORTEST = 1e-12;

/** W̄ = W / σ with σ = uᵀ W v (spec §1). */
export interface SpectralLayer {
  /** W̄ and the layer's own bias. */
  readonly layer: LinearLayer;
  readonly sigma: number;
}

/** The layer that the FFN applies: W̄ is new, the bias is `raw`'s own. */
export function spectralNorm(raw: LinearLayer, { u, v }: SpectralBuffers): SpectralLayer {
  const { weight, inputs, outputs } = raw;
  let sigma = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i] * v[i];
    sigma += u[o] * sum;
  }
  return { layer: { ...raw, weight: weight.map((value) => value / sigma) }, sigma };
}

/** Backward of `spectralNorm`, through σ as well: dW += dW̄/σ − (Σ dW̄ ⊙ W̄)/σ · u vᵀ. */
export function spectralNormBackward(
  { layer, sigma }: SpectralLayer,
  normalizedGradient: Float64Array,
  { u, v }: SpectralBuffers,
  gradient: Float64Array,
): void {
  const { weight, inputs, outputs } = layer;
  let inner = 0;
  for (let e = 0; e < weight.length; e++) inner += normalizedGradient[e] * weight[e];
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const e = o * inputs + i;
      gradient[e] += (normalizedGradient[e] - inner * u[o] * v[i]) / sigma;
    }
  }
}

function normalize(vector: Float64Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), SHORTEST);
  for (let i = 0; i < vector.length; i++) vector[i] /= length;
}

/** One power iteration, in place: v ← Wᵀu/‖Wᵀu‖, then u ← Wv/‖Wv‖ (spec §1). */
export function powerIteration({ weight, inputs, outputs }: LinearLayer, { u, v }: SpectralBuffers): void {
  v.fill(0);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) v[i] += weight[o * inputs + i] * u[o];
  }
  normalize(v);
  u.fill(0);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) u[o] += weight[o * inputs + i] * v[i];
  }
  normalize(u);
}
