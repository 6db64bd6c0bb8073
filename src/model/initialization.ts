import type { ModelConfig } from "./config.ts";
import { Purpose, RandomStream } from "./random.ts";
import { type TensorSpec, tensorTable, tensorView, type Weights } from "./tensors.ts";

function fill(values: Float32Array, { law }: TensorSpec, stream: RandomStream): void {
  switch (law.kind) {
    case "constant":
      values.fill(law.value);
      return;
    case "xavier":
    case "uniform":
      for (let e = 0; e < values.length; e++) values[e] = law.bound * (2 * stream.uniform() - 1);
      return;
    case "normal":
      for (let e = 0; e < values.length; e++) values[e] = stream.normal();
      return;
    case "unit": {
      const direction = Float64Array.from(values, () => stream.normal());
      const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
      for (let e = 0; e < values.length; e++) values[e] = direction[e] / length;
    }
  }
}

/**
 * Initial weights (spec §2, "Initial weights"; §4): each tensor has its own random stream, numbered by its place in the
 * tensor table (parameters, then buffers), so that a tensor's values do not depend on the sizes of the others.
 * Row 0 (`[PAD]`) of the embedding is zero.
 */
export function initialWeights(config: ModelConfig, seed: number): Weights<Float32Array> {
  const table = tensorTable(config);
  const weights: Weights<Float32Array> = {
    parameters: new Float32Array(table.parameterCount),
    buffers: new Float32Array(table.bufferCount),
  };
  [...table.parameters, ...table.buffers].forEach((spec, number) => {
    const values = tensorView(weights, spec);
    fill(values, spec, new RandomStream(seed, Purpose.weights, number));
    if (spec === table.embedding) values.fill(0, 0, config.dModel);
  });
  return weights;
}
