import type { ModelConfig } from "../config.ts";
import type { Weights } from "../tensors.ts";
import type { LinearLayer } from "./linear.ts";
import { type SpectralLayer, spectralNorm, spectralNormBackward } from "./spectral_norm.ts";
import { type EpsilonTensors, epsilonTensors, type SpectralBuffers, spectralBuffers } from "./tensors.ts";

/** A model ready to run: its tensors by role and the FFN's layers after their spectral norm. */
export interface ModelParts {
  readonly config: ModelConfig;
  readonly tensors: EpsilonTensors;
  readonly spectral1: SpectralLayer;
  readonly spectral2: SpectralLayer;
  readonly buffers1: SpectralBuffers;
  readonly buffers2: SpectralBuffers;
}

/** Where a row stands: token i of its sequence at recurrence step t. */
export interface Place {
  readonly token: number;
  readonly step: number;
}

/** Prepares `weights` for use; W̄ is computed here once, the other tensors are views. */
export function modelParts(config: ModelConfig, weights: Weights<Float64Array>): ModelParts {
  const tensors = epsilonTensors(config, weights.parameters);
  const { linear1: buffers1, linear2: buffers2 } = spectralBuffers(config, weights.buffers);
  return {
    config,
    tensors,
    spectral1: spectralNorm(tensors.linear1, buffers1),
    spectral2: spectralNorm(tensors.linear2, buffers2),
    buffers1,
    buffers2,
  };
}

/** Gradients under way: views of a slab, and those of W̄₁ and W̄₂ apart until all sequences are done. */
export interface GradientParts {
  readonly tensors: EpsilonTensors;
  /** dW̄₁ with the true bias gradient of the slab. */
  readonly normalized1: LinearLayer;
  readonly normalized2: LinearLayer;
}

/** Gradient views over `slab` [parameters], which the caller has zeroed. */
export function gradientParts(config: ModelConfig, slab: Float64Array): GradientParts {
  const tensors = epsilonTensors(config, slab);
  const apart = (layer: LinearLayer): LinearLayer => ({ ...layer, weight: new Float64Array(layer.weight.length) });
  return { tensors, normalized1: apart(tensors.linear1), normalized2: apart(tensors.linear2) };
}

/** Carries dW̄₁ and dW̄₂ through the spectral norm into the slab; call once, after the last sequence. */
export function finishGradient(parts: ModelParts, { tensors, normalized1, normalized2 }: GradientParts): void {
  spectralNormBackward(parts.spectral1, normalized1.weight, parts.buffers1, tensors.linear1.weight);
  spectralNormBackward(parts.spectral2, normalized2.weight, parts.buffers2, tensors.linear2.weight);
}
