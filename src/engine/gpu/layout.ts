import { LATENT_SIZE, type ModelConfig } from "../../model/config.ts";
import { exp } from "../../model/elementary.ts";
import { logPrior } from "../../model/reference/objective.ts";
import type { TensorTable } from "../../model/tensors.ts";
import { binVectors, fours, groupsOf, Places } from "./fields.ts";

/** Where the shaders find what: the one place that knows how tensors become vectors. */
export interface GpuLayout {
  /** Override constants by name, for all shaders. */
  readonly constants: Readonly<Record<string, number>>;
  /**
   * For each parameter behind the embedding the two packed floats that hold it, NONE where there is none; by EXACT further
   * on where half precision leaves it as it is.
   */
  readonly packedPlaces: Uint32Array<ArrayBuffer>;
  /** For each parameter behind the embedding a pair: its float in the gradient slot, and its factor. */
  readonly slotPlaces: Uint32Array<ArrayBuffer>;
  /** log Q and, from the next vector on, Q, as they stand in the packed weights from float `priorAt` on. */
  readonly prior: Float32Array<ArrayBuffer>;
  readonly priorAt: number;
  /** Vectors of the packed weights. */
  readonly packedVectors: number;
  /** Vectors of a sequence's store. */
  readonly storeVectors: number;
  readonly parameterCount: number;
  /** Parameters behind the embedding. */
  readonly smallCount: number;
}

export const NONE = 0xffffffff;
export const EXACT = 0x80000000;

/** Factors that sequence.wgsl makes: 1, 1/σ₁, 1/σ₂, then two a head. */
const FIRST_HEAD_FACTOR = 3;

/** One matrix or vector: how outputs and inputs lie in groups. */
interface Linear {
  readonly name: string;
  readonly tensor: string;
  readonly outputs: number;
  readonly inputs: number;
  readonly outputGroups: number;
  readonly inputGroups: number;
  readonly outputAt: (o: number) => number;
  readonly inputAt: (i: number) => number;
  readonly bias?: string;
  /** EXACT where what it makes goes into the residual stream, which adds up what rounding does to weights. */
  readonly exact?: number;
}

/** Collects the places of parameters in the packed weights and in the gradient slot. */
class Builder {
  readonly packed = new Places();
  readonly slot = new Places();
  readonly packedPlaces: Uint32Array<ArrayBuffer>;
  readonly slots: number[] = [];

  constructor(readonly table: TensorTable, readonly small: number) {
    this.packedPlaces = new Uint32Array(2 * (table.parameterCount - small)).fill(NONE);
  }

  offset(tensor: string): number {
    const spec = this.table.byName.get(tensor);
    if (spec === undefined) throw new Error(`The tensor table lacks ${tensor}`);
    return spec.offset;
  }

  source(at: number, float: number, parameter: number, exact = 0): void {
    const pair = 2 * (parameter - this.small), isSecond = this.packedPlaces[pair] !== NONE;
    this.packedPlaces[pair + (isSecond ? 1 : 0)] = 4 * at + float + exact;
  }

  gradient(slotAt: number, float: number, parameter: number, factor = 0): void {
    const place = 2 * (parameter - this.small);
    this.slots[place] = 4 * slotAt + float;
    this.slots[place + 1] = factor;
  }

  /** A region of the same form in the packed weights (`at…`) and in the slot (`slot…`); `exact` is EXACT or nothing. */
  both(
    name: string,
    vectors: number,
    exact: number,
    fill: (put: (float: number, parameter: number, factor?: number) => void) => void,
  ) {
    const at = this.packed.take(`at${name}`, vectors), slotAt = this.slot.take(`slot${name}`, vectors);
    fill((float, parameter, factor) => {
      this.source(at, float, parameter, exact);
      this.gradient(slotAt, float, parameter, factor);
    });
  }

  linear(layer: Linear): void {
    const { name, tensor, outputs, inputs, outputGroups, inputGroups, outputAt, inputAt, bias, exact } = layer;
    const first = this.offset(tensor);
    const transposed = this.packed.take(`at${name}T`, 4 * outputGroups * inputGroups);
    const at = this.packed.take(`at${name}`, 4 * outputGroups * inputGroups);
    const slotAt = this.slot.take(`slot${name}`, 4 * outputGroups * inputGroups);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const parameter = first + o * inputs + i, row = outputAt(o), column = inputAt(i);
        const float = 4 * (Math.floor(row / 4) * 4 * inputGroups + column) + row % 4;
        this.source(at, float, parameter, exact);
        // The gradient is that of W̄; reduce.wgsl carries it through the spectral norm.
        this.gradient(slotAt, float, parameter);
        this.source(transposed, 4 * (Math.floor(column / 4) * 4 * outputGroups + row) + column % 4, parameter, exact);
      }
    }
    if (bias !== undefined) this.vector(`${name}Bias`, bias, outputs, outputGroups, outputAt);
  }

  vector(name: string, tensor: string, count: number, groups: number, at: (e: number) => number = (e) => e): void {
    const first = this.offset(tensor);
    this.both(name, groups, EXACT, (put) => {
      for (let e = 0; e < count; e++) put(at(e), first + e);
    });
  }
}

/** Lays out all tensors of `config` (kernels/epsilon/sequence.wgsl says the forms). */
export function gpuLayout(config: ModelConfig, table: TensorTable): GpuLayout {
  const { dModel: d, numHeads: H, ffnDim: F, maxLayers: L } = config;
  const small = config.vocabSize * d;
  const prior = logPrior(config), gap = new Array<number>(-prior.length & 3).fill(0);
  const builder = new Builder(table, small);
  const priorAt = builder.packed.take("atPrior", 2 * fours(L + 1));
  placeBlock(builder, config);
  placeHeads(builder, config);
  const slotEnd = builder.slot.end;
  const bins = binVectors(config);
  const store = new Places(slotEnd);
  store.take("storeReadout", fours(d));
  store.take("storeSteps", L);
  store.take("storeStates", L * fours(d));
  for (const name of ["binsFrozen", "binsTotal", "binsGradient"]) store.take(name, bins);
  store.take("binsSaved", bins * Math.ceil(L / config.binUpdateFrequency));
  return {
    constants: {
      ...{ D: d, H, B: config.numBins, F, L, C: config.numClasses },
      FREQUENCY: config.binUpdateFrequency,
      EXIT: config.halting === "exit" ? 1 : 0,
      REPEAT: config.halting === "repeat-k" ? 1 : 0,
      ALPHA: config.alphaRes,
      ...builder.packed.places,
      ...builder.slot.places,
      ...store.places,
      ...{ slotEnd, storeStride: store.end },
      ...{ atSmall: small, parameterCount: table.parameterCount, directionCount: 2 * (F + d) },
      atW1: builder.offset("epsilon_block.ffn.linear1.weight_orig"),
      atW2: builder.offset("epsilon_block.ffn.linear2.weight_orig"),
      atTau: builder.offset("epsilon_block.attention.log_tau"),
    },
    packedPlaces: builder.packedPlaces,
    slotPlaces: Uint32Array.from(builder.slots),
    prior: Float32Array.from([...prior, ...gap, ...prior.map(exp)]),
    priorAt: 4 * priorAt,
    packedVectors: builder.packed.end,
    storeVectors: store.end,
    parameterCount: table.parameterCount,
    smallCount: table.parameterCount - small,
  };
}

/** The block's norms, projections, bins and FFN. */
function placeBlock(builder: Builder, config: ModelConfig): void {
  const { dModel: d, numHeads: H, numBins: B, ffnDim: F } = config;
  const groups = groupsOf(config);
  const dh = d / H;
  const same = (e: number) => e;
  const inHeads = (e: number) => Math.floor(e / dh) * 4 * groups.head + e % dh;
  const block = "epsilon_block", attention = `${block}.attention`, ffn = `${block}.ffn`;
  for (const k of [1, 2]) {
    builder.vector(`Gamma${k}`, `${block}.norm${k}.gamma`, d, groups.state);
    builder.vector(`Beta${k}`, `${block}.norm${k}.beta`, d, groups.state);
  }
  const square = { outputs: d, inputs: d };
  for (const [name, letter, exact] of [["Query", "q", 0], ["Key", "k", 0], ["Value", "v", EXACT]] as const) {
    const tensor = `${attention}.W_${letter}.weight`, bias = `${attention}.W_${letter}.bias`;
    const places = { outputGroups: groups.heads, inputGroups: groups.state, outputAt: inHeads, inputAt: same };
    builder.linear({ name, tensor, bias, exact, ...square, ...places });
  }
  builder.linear({
    name: "Output",
    tensor: `${attention}.W_o.weight`,
    bias: `${attention}.W_o.bias`,
    ...square,
    ...{ outputGroups: groups.state, inputGroups: groups.heads, outputAt: same, inputAt: inHeads, exact: EXACT },
  });
  builder.linear({
    name: "Bin",
    tensor: `${attention}.W_bin.weight`,
    ...{ outputs: LATENT_SIZE, inputs: dh, outputGroups: fours(LATENT_SIZE), inputGroups: groups.head },
    ...{ outputAt: same, inputAt: same },
  });
  const ffnPlaces = { outputAt: same, inputAt: same };
  builder.linear({
    ...{ name: "Ffn1", tensor: `${ffn}.linear1.weight_orig`, bias: `${ffn}.linear1.bias` },
    ...{ outputs: F, inputs: d, outputGroups: groups.hidden, inputGroups: groups.state, ...ffnPlaces },
  });
  builder.linear({
    ...{ name: "Ffn2", tensor: `${ffn}.linear2.weight_orig`, bias: `${ffn}.linear2.bias` },
    ...{ outputs: d, inputs: F, outputGroups: groups.state, inputGroups: groups.hidden, ...ffnPlaces, exact: EXACT },
  });
  const prototypes = builder.offset(`${attention}.prototypes`);
  builder.both("Prototypes", 8 * groups.assignment, 0, (put) => {
    for (let e = 0; e < H * B * LATENT_SIZE; e++) {
      const head = Math.floor(e / (B * LATENT_SIZE)), within = e % (B * LATENT_SIZE);
      put(head * 4 * groups.bins * LATENT_SIZE + within, prototypes + e, FIRST_HEAD_FACTOR + 2 * head);
    }
  });
  const tau = builder.offset(`${attention}.log_tau`), slotTau = builder.slot.take("slotTau", H);
  for (let h = 0; h < H; h++) builder.gradient(slotTau, 4 * h, tau + h, FIRST_HEAD_FACTOR + 2 * h + 1);
}

/** Halting units and the classification head. */
function placeHeads(builder: Builder, { dModel: d, maxLayers: L, numClasses: C }: ModelConfig): void {
  const state = fours(d);
  builder.both("Halting", L * state, EXACT, (put) => {
    for (let t = 0; t < L; t++) {
      const first = builder.offset(`halting_fcs.${t}.weight`);
      for (let j = 0; j < d; j++) put(4 * t * state + j, first + j);
    }
  });
  builder.both("HaltingBias", L, EXACT, (put) => {
    for (let t = 0; t < L; t++) put(4 * t, builder.offset(`halting_fcs.${t}.bias`));
  });
  const head = builder.offset("classification_head.weight");
  builder.both("Head", C * state, EXACT, (put) => {
    for (let e = 0; e < C * d; e++) put(4 * Math.floor(e / d) * state + e % d, head + e);
  });
  builder.vector("HeadBias", "classification_head.bias", C, fours(C));
}
