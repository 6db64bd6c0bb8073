import type { ModelConfig } from "../config.ts";
import { type TensorTable, tensorTable, tensorView, type Weights } from "../tensors.ts";
import type { LinearLayer } from "./linear.ts";

/** γ and β of a CenterNorm, [d] each. */
export interface NormTensors {
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
}

/** The parameters by their roles, as views into a slab: of the weights or of a gradient alike. */
export interface EpsilonTensors {
  /** [vocabulary × d] */
  readonly embedding: Float64Array;
  readonly norm1: NormTensors;
  readonly norm2: NormTensors;
  /** [H] */
  readonly logTau: Float64Array;
  /** [H × B × dlat] */
  readonly prototypes: Float64Array;
  /** W_bin [dlat × dh] */
  readonly binWeight: Float64Array;
  readonly query: LinearLayer;
  readonly key: LinearLayer;
  readonly value: LinearLayer;
  readonly output: LinearLayer;
  /** W₁ before its spectral norm [ffnDim × d]. */
  readonly linear1: LinearLayer;
  /** W₂ before its spectral norm [d × ffnDim]. */
  readonly linear2: LinearLayer;
  /** One unit a step, [1 × d] each. */
  readonly halting: readonly LinearLayer[];
  readonly head: LinearLayer;
}

/** u and v of one spectral norm: unit directions, constants for the gradient (spec §1). */
export interface SpectralBuffers {
  /** [outputs] */
  readonly u: Float64Array;
  /** [inputs] */
  readonly v: Float64Array;
}

type View = (name: string) => { readonly values: Float64Array; readonly shape: readonly number[] };

function viewer(table: TensorTable, weights: Weights<Float64Array>): View {
  return (name) => {
    const spec = table.byName.get(name);
    if (spec === undefined) throw new Error(`The tensor table lacks ${name}`);
    return { values: tensorView(weights, spec), shape: spec.shape };
  };
}

/** Views of a parameter slab by role; `slab` is [table.parameterCount]. */
export function epsilonTensors(config: ModelConfig, slab: Float64Array): EpsilonTensors {
  const view = viewer(tensorTable(config), { parameters: slab, buffers: new Float64Array(0) });
  const values = (name: string) => view(name).values;
  const linear = (name: string, suffix = "weight"): LinearLayer => {
    const { values: weight, shape: [outputs, inputs] } = view(`${name}.${suffix}`);
    return { weight, bias: values(`${name}.bias`), inputs, outputs };
  };
  const norm = (name: string): NormTensors => ({ gamma: values(`${name}.gamma`), beta: values(`${name}.beta`) });
  const block = "epsilon_block";
  const attention = `${block}.attention`;
  return {
    embedding: values("embedding.weight"),
    norm1: norm(`${block}.norm1`),
    norm2: norm(`${block}.norm2`),
    logTau: values(`${attention}.log_tau`),
    prototypes: values(`${attention}.prototypes`),
    binWeight: values(`${attention}.W_bin.weight`),
    query: linear(`${attention}.W_q`),
    key: linear(`${attention}.W_k`),
    value: linear(`${attention}.W_v`),
    output: linear(`${attention}.W_o`),
    linear1: linear(`${block}.ffn.linear1`, "weight_orig"),
    linear2: linear(`${block}.ffn.linear2`, "weight_orig"),
    halting: Array.from({ length: config.maxLayers }, (_, t) => linear(`halting_fcs.${t}`)),
    head: linear("classification_head"),
  };
}

/** Views of a buffer slab: u and v of the FFN's two layers; `slab` is [table.bufferCount]. */
export function spectralBuffers(
  config: ModelConfig,
  slab: Float64Array,
): { readonly linear1: SpectralBuffers; readonly linear2: SpectralBuffers } {
  const view = viewer(tensorTable(config), { parameters: new Float64Array(0), buffers: slab });
  const pair = (name: string): SpectralBuffers => ({
    u: view(`epsilon_block.ffn.${name}.weight_u`).values,
    v: view(`epsilon_block.ffn.${name}.weight_v`).values,
  });
  return { linear1: pair("linear1"), linear2: pair("linear2") };
}
