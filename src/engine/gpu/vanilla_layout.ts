import type { ModelConfig } from "../../model/config.ts";
import { type TensorTable, tensorTable } from "../../model/tensors.ts";
import { fours, type Keeping, Places } from "./fields.ts";
import { EXACT, type GpuLayout, NONE } from "./layout.ts";

/** Numbers of four-float groups (kernels/vanilla/stack.wgsl). */
export interface VanillaGroups {
  readonly state: number;
  /** Pairs of groups of one head. */
  readonly pairs: number;
  /** Of one head. */
  readonly head: number;
  /** Of all heads side by side. */
  readonly heads: number;
  readonly hidden: number;
}

export function vanillaGroups({ dModel, numHeads, ffnDim }: ModelConfig): VanillaGroups {
  const pairs = Math.ceil(dModel / numHeads / 8), head = 2 * pairs;
  return { state: fours(dModel), pairs, head, heads: numHeads * head, hidden: fours(ffnDim) };
}

/** The packed weights' layout, and where the FFN's part begins, which a uniform binding can see from there on. */
export interface VanillaLayout extends GpuLayout {
  /** Vectors of the part before, unused ones at its end aside. */
  readonly attentionVectors: number;
  readonly ffnStart: number;
  readonly ffnVectors: number;
}

/** Vectors at whose multiples a uniform binding may begin. */
const BINDING_VECTORS = 16;

/** How outputs or inputs of a matrix lie in groups. */
type Spread = (e: number) => number;

const inOrder: Spread = (e) => e;

/** Collects what stands where in the packed weights; a sequence's gradient has the same places. */
class Packing {
  readonly places = new Places();
  /** Pairs of a packed float and its parameter. */
  readonly sources: [float: number, parameter: number][] = [];
  /** Parameters that stay single in half precision. */
  readonly exact = new Set<number>();

  constructor(readonly table: TensorTable) {}

  vector(tensor: string, vectors: number, spread: Spread = inOrder): number {
    const { offset, size } = this.#find(tensor), at = this.#take(vectors);
    for (let e = 0; e < size; e++) this.#exactly(4 * at + spread(e), offset + e);
    return at;
  }

  /** [output group][4 · inputGroups inputs][4 outputs] */
  matrix(tensor: string, groups: readonly [number, number], outputAt: Spread, inputAt: Spread): number {
    const { offset, shape: [outputs, inputs] } = this.#find(tensor);
    const [outputGroups, inputGroups] = groups;
    const at = this.#take(4 * outputGroups * inputGroups);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const row = outputAt(o), vector = at + 4 * Math.floor(row / 4) * inputGroups + inputAt(i);
        this.sources.push([4 * vector + row % 4, offset + o * inputs + i]);
      }
    }
    return at;
  }

  /** Rows [4 · groups] of a matrix one after the other. */
  rows(tensor: string, groups: number): number {
    const { offset, shape: [rows, columns] } = this.#find(tensor), at = this.#take(rows * groups);
    for (let e = 0; e < rows * columns; e++) {
      this.#exactly(4 * (at + Math.floor(e / columns) * groups) + e % columns, offset + e);
    }
    return at;
  }

  #exactly(float: number, parameter: number): void {
    this.sources.push([float, parameter]);
    this.exact.add(parameter);
  }

  #find(tensor: string) {
    const spec = this.table.byName.get(tensor);
    if (spec === undefined) throw new Error(`The tensor table lacks ${tensor}`);
    return spec;
  }

  #take(vectors: number): number {
    const at = this.places.end;
    this.places.end += vectors;
    return at;
  }
}

/** Places of each layer's weights; returns those of the first, and how far the next ones lie behind. */
function placeLayers(
  packing: Packing,
  layers: number,
  placeLayer: (block: string) => Record<string, number>,
): { readonly first: Record<string, number>; readonly stride: number } {
  const start = packing.places.end;
  const [first] = Array.from({ length: layers }, (_, layer) => placeLayer(`blocks.${layer}`));
  return { first, stride: (packing.places.end - start) / layers };
}

/** Lays out all tensors of the vanilla model (kernels/vanilla/stack.wgsl says the forms). */
export function vanillaGpuLayout(config: ModelConfig): VanillaLayout {
  const { dModel: d, numHeads: H, ffnDim: F, maxLayers: L, numClasses: C } = config;
  const { state, head, heads, hidden } = vanillaGroups(config);
  const table = tensorTable(config), small = table.embedding.size;
  const dh = d / H;
  const inHeads: Spread = (e) => Math.floor(e / dh) * 4 * head + e % dh;
  const projected: Spread = (e) => Math.floor(e / d) * 4 * heads + inHeads(e % d);
  const packing = new Packing(table);
  const attention = placeLayers(packing, L, (block) => ({
    atGamma1: packing.vector(`${block}.ln1.weight`, state),
    atBeta1: packing.vector(`${block}.ln1.bias`, state),
    atProjection: packing.matrix(`${block}.attn.in_proj_weight`, [3 * heads, state], projected, inOrder),
    atProjectionBias: packing.vector(`${block}.attn.in_proj_bias`, 3 * heads, projected),
    atOutput: packing.matrix(`${block}.attn.out_proj.weight`, [state, heads], inOrder, inHeads),
    atOutputBias: packing.vector(`${block}.attn.out_proj.bias`, state),
  }));
  const last = {
    atGammaOut: packing.vector("ln_out.weight", state),
    atBetaOut: packing.vector("ln_out.bias", state),
    atHead: packing.rows("head.weight", state),
    atHeadBias: packing.vector("head.bias", fours(C)),
  };
  const attentionVectors = packing.places.end;
  const ffnStart = BINDING_VECTORS * Math.ceil(attentionVectors / BINDING_VECTORS);
  packing.places.end = ffnStart;
  const ffn = placeLayers(packing, L, (block) => ({
    atGamma2: packing.vector(`${block}.ln2.weight`, state),
    atBeta2: packing.vector(`${block}.ln2.bias`, state),
    atFfn1: packing.matrix(`${block}.ffn.0.weight`, [hidden, state], inOrder, inOrder),
    atFfn1Bias: packing.vector(`${block}.ffn.0.bias`, hidden),
    atFfn2: packing.matrix(`${block}.ffn.3.weight`, [state, hidden], inOrder, inOrder),
    atFfn2Bias: packing.vector(`${block}.ffn.3.bias`, state),
  }));
  const end = packing.places.end;
  const packedPlaces = new Uint32Array(2 * (table.parameterCount - small)).fill(NONE);
  const slotPlaces = new Uint32Array(2 * (table.parameterCount - small));
  for (const [float, parameter] of packing.sources) {
    packedPlaces[2 * (parameter - small)] = float + (packing.exact.has(parameter) ? EXACT : 0);
    slotPlaces[2 * (parameter - small)] = float;
  }
  return {
    constants: {
      ...{ D: d, H, F, L, C },
      ...attention.first,
      ...last,
      ...ffn.first,
      ...{ attentionStride: attention.stride, ffnStart, ffnStride: ffn.stride },
      ...{ storePooled: end, storeStride: end + state },
      ...{ atSmall: small, parameterCount: table.parameterCount, SPECTRAL: 0, directionCount: 0, atW1: 0, atW2: 0 },
    },
    packedPlaces,
    slotPlaces,
    prior: new Float32Array(0),
    priorAt: 0,
    packedVectors: end,
    storeVectors: end + state,
    parameterCount: table.parameterCount,
    smallCount: table.parameterCount - small,
    attentionVectors,
    ffnStart,
    ffnVectors: end - ffnStart,
  };
}

/** Fields of `rows`: groups before each by override name, those of a layer's record, and how many there are in all. */
export interface VanillaFields {
  readonly places: Readonly<Record<string, number>>;
  readonly record: number;
  /** Groups where only the present layer is kept, where all are, and where there is a way back as well. */
  readonly ends: Readonly<Record<Keeping, number>>;
}

export function vanillaFields(config: ModelConfig): VanillaFields {
  const { state, heads, hidden } = vanillaGroups(config);
  const fields = new Places();
  fields.take("rowX", state);
  fields.take("rowHidden", hidden);
  const first = fields.take("rowState", state);
  fields.take("rowMiddle", state);
  fields.take("rowProjection", 3 * heads);
  fields.take("rowMixed", heads);
  fields.take("rowSoftmax", config.numHeads);
  fields.take("rowNoise", 1);
  const predict = fields.end, record = predict - first;
  // The last layer's output stands where a next layer's record would begin.
  fields.end = first + config.maxLayers * record + state;
  const trace = fields.end;
  for (const name of ["Gradient", "X1", "Normal1", "Slope1", "Y", "Normal2", "Slope2", "Branch1", "Branch2"]) {
    fields.take(`row${name}`, state);
  }
  fields.take("rowDBefore", hidden);
  fields.take("rowDMixed", heads);
  fields.take("rowDProjection", 6 * heads);
  return { places: fields.places, record, ends: { predict, trace, train: fields.end } };
}
