import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { dropoutKey, DropoutMask } from "../../src/model/dropout.ts";
import { type NoiseSettings, StateNoise } from "../../src/model/noise.ts";
import { HALT_THRESHOLD } from "../../src/model/reference/halting.ts";
import { modelParts } from "../../src/model/reference/parts.ts";
import { forwardSequence } from "../../src/model/reference/sequence.ts";
import type { Weights } from "../../src/model/tensors.ts";

/**
 * The smallest distance of any halting decision from its tie, |r − sigmoid(s) − (1 − θ)| over all tokens and steps, under
 * the dropout and noise of (`seed`, `step`); infinite for a model that does not halt. Where it is tiny, rounding may change a
 * token's step count.
 */
export function haltingMargin(
  config: ModelConfig,
  { parameters, buffers }: Weights,
  { tokens, offsets, labels }: PackedBatch,
  dropout: number,
  seed: number,
  step: number,
  threshold: number = HALT_THRESHOLD,
  noiseSettings?: NoiseSettings,
): number {
  if (config.model === "vanilla") return Infinity;
  const parts = modelParts(config, { parameters: Float64Array.from(parameters), buffers: Float64Array.from(buffers) });
  const d = config.dModel;
  let smallest = Infinity;
  for (let s = 0; s < labels.length; s++) {
    const key = dropoutKey(seed, step, s);
    const mask = new DropoutMask(key, dropout);
    const noise = new StateNoise(key, noiseSettings);
    const ids = tokens.subarray(offsets[s], offsets[s + 1]);
    const { recurrence } = forwardSequence(parts, ids, mask, {
      keep: "all steps",
      endWithCls: false,
      threshold,
      noise,
    });
    const { halts, probabilities, steps } = recurrence.halting;
    if (!halts) continue;
    for (let i = 0; i < ids.length; i++) {
      let remainder = 1;
      for (let t = 0; t < steps[i]; t++) {
        const { weight, bias } = parts.tensors.halting[t];
        let score = bias[0];
        for (let j = 0; j < d; j++) score += weight[j] * recurrence.steps[t].output[i * d + j];
        smallest = Math.min(smallest, Math.abs(remainder - 1 / (1 + Math.exp(-score)) - (1 - threshold)));
        remainder -= probabilities[i * config.maxLayers + t];
      }
    }
  }
  return smallest;
}
