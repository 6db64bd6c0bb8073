import { LATENT_SIZE, type ModelConfig } from "./config.ts";
import { constant, type InitialLaw, uniform, xavier } from "./initial_law.ts";
import { vanillaDeclarations } from "./vanilla_tensors.ts";

export type { InitialLaw };

/** One named tensor and its place in a slab. */
export interface TensorSpec {
  /** Name in the published PyTorch model's state dict. */
  readonly name: string;
  readonly shape: readonly number[];
  /** `parameter` is trained, `buffer` is not (`weight_u`, `weight_v`). */
  readonly role: "parameter" | "buffer";
  /** First element in the slab of its role. */
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
  readonly law: InitialLaw;
}

/** All tensors of a model, in the order of its state dict, laid out in two slabs. */
export interface TensorTable {
  readonly parameters: readonly TensorSpec[];
  readonly buffers: readonly TensorSpec[];
  /** Elements of the parameter slab. */
  readonly parameterCount: number;
  /** Elements of the buffer slab. */
  readonly bufferCount: number;
  readonly byName: ReadonlyMap<string, TensorSpec>;
  /** The embedding, whose row 0 (`[PAD]`) is zero at first and gets no gradient (spec §2). */
  readonly embedding: TensorSpec;
}

/** A model's numbers: parameters and buffers as slabs in the order of its `TensorTable`. */
export interface Weights<Slab extends Float32Array | Float64Array = Float32Array | Float64Array> {
  readonly parameters: Slab;
  readonly buffers: Slab;
}

/** A tensor without its place. */
export type Declaration = readonly [name: string, shape: readonly number[], law: InitialLaw];

function weight(name: string, outputs: number, inputs: number): Declaration {
  return [name, [outputs, inputs], xavier(inputs, outputs)];
}

function epsilonDeclarations(config: ModelConfig): Declaration[] {
  const { dModel: d, numHeads: H, numBins: B, ffnDim, numClasses } = config;
  const dh = d / H;
  const block = "epsilon_block";
  const attention = `${block}.attention`;
  const projections = ["W_q", "W_k", "W_v", "W_o"].flatMap((name): Declaration[] => [
    weight(`${attention}.${name}.weight`, d, d),
    [`${attention}.${name}.bias`, [d], uniform(d)],
  ]);
  const halting = Array.from({ length: config.maxLayers }, (_, t): Declaration[] => [
    weight(`halting_fcs.${t}.weight`, 1, d),
    [`halting_fcs.${t}.bias`, [1], uniform(d)],
  ]).flat();
  return [
    weight("embedding.weight", config.vocabSize, d),
    [`${block}.norm1.gamma`, [d], constant(1)],
    [`${block}.norm1.beta`, [d], constant(0)],
    [`${block}.norm2.gamma`, [d], constant(1)],
    [`${block}.norm2.beta`, [d], constant(0)],
    [`${attention}.log_tau`, [H], constant(0)],
    [`${attention}.prototypes`, [H, B, LATENT_SIZE], xavier(B * LATENT_SIZE, H * LATENT_SIZE)],
    weight(`${attention}.W_bin.weight`, LATENT_SIZE, dh),
    ...projections,
    weight(`${block}.ffn.linear1.weight_orig`, ffnDim, d),
    [`${block}.ffn.linear1.bias`, [ffnDim], uniform(d)],
    weight(`${block}.ffn.linear2.weight_orig`, d, ffnDim),
    [`${block}.ffn.linear2.bias`, [d], uniform(ffnDim)],
    ...halting,
    weight("classification_head.weight", numClasses, d),
    ["classification_head.bias", [numClasses], uniform(d)],
  ];
}

function bufferDeclarations(config: ModelConfig): Declaration[] {
  const unit: InitialLaw = { kind: "unit" };
  const ffn = "epsilon_block.ffn";
  return [
    [`${ffn}.linear1.weight_u`, [config.ffnDim], unit],
    [`${ffn}.linear1.weight_v`, [config.dModel], unit],
    [`${ffn}.linear2.weight_u`, [config.dModel], unit],
    [`${ffn}.linear2.weight_v`, [config.ffnDim], unit],
  ];
}

function place(declarations: readonly Declaration[], role: TensorSpec["role"]): TensorSpec[] {
  let offset = 0;
  return declarations.map(([name, shape, law]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const spec = { name, shape, role, offset, size, law };
    offset += size;
    return spec;
  });
}

/** The tensor table of `config`: names, shapes, places and initial laws (spec §1, §2, §4). */
export function tensorTable(config: ModelConfig): TensorTable {
  const vanilla = config.model === "vanilla";
  const parameters = place(vanilla ? vanillaDeclarations(config) : epsilonDeclarations(config), "parameter");
  const buffers = place(vanilla ? [] : bufferDeclarations(config), "buffer");
  const count = (specs: TensorSpec[]) => specs.reduce((sum, spec) => sum + spec.size, 0);
  return {
    parameters,
    buffers,
    parameterCount: count(parameters),
    bufferCount: count(buffers),
    byName: new Map([...parameters, ...buffers].map((spec) => [spec.name, spec])),
    embedding: parameters[0],
  };
}

/** The elements of tensor `spec` as a view into the slab of its role; writing to it writes the slab. */
export function tensorView<Slab extends Float32Array | Float64Array>(weights: Weights<Slab>, spec: TensorSpec): Slab {
  const slab = spec.role === "parameter" ? weights.parameters : weights.buffers;
  return slab.subarray(spec.offset, spec.offset + spec.size) as Slab;
}
