import type { ModelConfig } from "../../config.ts";
import { tensorTable, tensorView } from "../../tensors.ts";
import type { LinearLayer } from "../linear.ts";
import type { NormTensors } from "../tensors.ts";

/** The parameters of one block by their roles. */
export interface VanillaBlock {
  readonly norm1: NormTensors;
  /** q, k, v stacked [3d × d]. */
  readonly projection: LinearLayer;
  readonly output: LinearLayer;
  readonly norm2: NormTensors;
  /** [ffnDim × d] */
  readonly linear1: LinearLayer;
  /** [d × ffnDim] */
  readonly linear2: LinearLayer;
}

/** The parameters by their roles, as views into a slab: of the weights or of a gradient alike. */
export interface VanillaTensors {
  readonly config: ModelConfig;
  /** [vocabulary × d] */
  readonly embedding: Float64Array;
  readonly blocks: readonly VanillaBlock[];
  readonly normOut: NormTensors;
  readonly head: LinearLayer;
}

/** Views of a parameter slab by role (spec §4); `slab` is [table.parameterCount]. */
export function vanillaTensors(config: ModelConfig, slab: Float64Array): VanillaTensors {
  const table = tensorTable(config);
  const view = (name: string) => {
    const spec = table.byName.get(name);
    if (spec === undefined) throw new Error(`The tensor table lacks ${name}`);
    return { values: tensorView({ parameters: slab, buffers: new Float64Array(0) }, spec), shape: spec.shape };
  };
  const linear = (weight: string, bias: string): LinearLayer => {
    const { values, shape: [outputs, inputs] } = view(weight);
    return { weight: values, bias: view(bias).values, inputs, outputs };
  };
  const layer = (name: string) => linear(`${name}.weight`, `${name}.bias`);
  const norm = (name: string): NormTensors => ({
    gamma: view(`${name}.weight`).values,
    beta: view(`${name}.bias`).values,
  });
  return {
    config,
    embedding: view("embed.weight").values,
    blocks: Array.from({ length: config.maxLayers }, (_, number): VanillaBlock => {
      const block = `blocks.${number}`;
      return {
        norm1: norm(`${block}.ln1`),
        projection: linear(`${block}.attn.in_proj_weight`, `${block}.attn.in_proj_bias`),
        output: layer(`${block}.attn.out_proj`),
        norm2: norm(`${block}.ln2`),
        linear1: layer(`${block}.ffn.0`),
        linear2: layer(`${block}.ffn.3`),
      };
    }),
    normOut: norm("ln_out"),
    head: layer("head"),
  };
}
