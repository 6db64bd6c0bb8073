import type { ModelConfig } from "./config.ts";
import { constant, NORMAL, uniform, xavier } from "./initial_law.ts";
import type { Declaration } from "./tensors.ts";

/** γ and β of a LayerNorm, under PyTorch's names for them. */
function norm(name: string, d: number): Declaration[] {
  return [[`${name}.weight`, [d], constant(1)], [`${name}.bias`, [d], constant(0)]];
}

/** A linear layer as PyTorch fills it: weight and bias uniform within ±1/√fan_in. */
function linear(name: string, outputs: number, inputs: number): Declaration[] {
  return [[`${name}.weight`, [outputs, inputs], uniform(inputs)], [`${name}.bias`, [outputs], uniform(inputs)]];
}

/** The tensors of the vanilla baseline in the order of its state dict (spec §4). */
export function vanillaDeclarations(config: ModelConfig): Declaration[] {
  const { vocabSize, dModel: d, ffnDim, maxLayers, numClasses } = config;
  const blocks = Array.from({ length: maxLayers }, (_, layer): Declaration[] => {
    const block = `blocks.${layer}`;
    return [
      ...norm(`${block}.ln1`, d),
      [`${block}.attn.in_proj_weight`, [3 * d, d], xavier(d, 3 * d)],
      [`${block}.attn.in_proj_bias`, [3 * d], constant(0)],
      [`${block}.attn.out_proj.weight`, [d, d], uniform(d)],
      [`${block}.attn.out_proj.bias`, [d], constant(0)],
      ...norm(`${block}.ln2`, d),
      ...linear(`${block}.ffn.0`, ffnDim, d),
      ...linear(`${block}.ffn.3`, d, ffnDim),
    ];
  });
  return [
    ["embed.weight", [vocabSize, d], NORMAL],
    ...blocks.flat(),
    ...norm("ln_out", d),
    ...linear("head", numClasses, d),
  ];
}
