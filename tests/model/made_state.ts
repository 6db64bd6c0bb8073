import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import type { ModelState } from "../../src/model/state.ts";
import { tensorTable } from "../../src/model/tensors.ts";

/** A small model that has every kind of tensor. */
export const SMALL_CONFIG: ModelConfig = {
  ...PAPER_CONFIG,
  vocabSize: 11,
  dModel: 6,
  numHeads: 2,
  numBins: 3,
  ffnDim: 5,
  maxLayers: 2,
};

/** A state of random numbers, singles, as after `step` optimizer steps. */
export function madeState(config: ModelConfig, seed: number, step = 7): Required<ModelState<Float32Array>> {
  const { parameterCount, bufferCount } = tensorTable(config);
  const stream = new RandomStream(seed, Purpose.weights);
  const slab = (size: number) => Float32Array.from({ length: size }, () => stream.normal());
  return {
    weights: { parameters: slab(parameterCount), buffers: slab(bufferCount) },
    optimizer: { firstMoment: slab(parameterCount), secondMoment: slab(parameterCount), step },
  };
}
