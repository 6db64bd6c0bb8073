import {
  HEADER_ADDRESS,
  HEADER_FLOATS,
  HEADER_INTEGERS,
  type HeaderFloat,
  type HeaderInteger,
} from "../../../kernels/header.ts";
import { LATENT_SIZE, type ModelConfig, stepLimit } from "../../model/config.ts";
import { QUANTILES } from "../../model/normal_quantiles.ts";
import type { TensorTable } from "../../model/tensors.ts";
import { aligned, fours, placed, Places, type Size, tensorPlace } from "./places.ts";
import { vanillaLayout } from "./vanilla_layout.ts";

/** Header words that depend on the model alone, and the first free byte behind what they point to. */
export interface ModelLayout {
  readonly integers: Partial<Record<HeaderInteger, number>>;
  readonly floats: Partial<Record<HeaderFloat, number>>;
  /** Bytes of one sequence's gradient slot. */
  readonly slotBytes: number;
  readonly end: number;
}

/** Packed weights and the floats that each takes (layouts: kernels/README.md). */
function packedSizes(config: ModelConfig): Size[] {
  const { dModel: d, numHeads: H, numBins: B, ffnDim, maxLayers } = config;
  const dh = d / H;
  const dp = 4 * fours(d), fp = 4 * fours(ffnDim), bp = 4 * fours(B), hp = 4 * fours(dh);
  return [
    ["packedGamma1", dp],
    ["packedBeta1", dp],
    ["packedGamma2", dp],
    ["packedBeta2", dp],
    ["packedQuery", dp * d],
    ["packedQueryBias", dp],
    ["packedKeyValue", 2 * dp * d],
    ["packedKeyValueBias", 2 * dp],
    ["packedBin", LATENT_SIZE * dh],
    ["packedPrototypes", H * bp * LATENT_SIZE],
    ["packedOutput", dp * d],
    ["packedOutputBias", dp],
    ["packedFfn1", fp * d],
    ["packedFfn1Bias", fp],
    ["packedFfn2", dp * ffnDim],
    ["packedFfn2Bias", dp],
    ["packedHalting", maxLayers * dp],
    ["packedHaltingBias", maxLayers],
    ["transposedQuery", dp * d],
    ["transposedKeyValue", dp * 2 * dp],
    ["transposedBin", hp * LATENT_SIZE],
    ["transposedPrototypes", H * LATENT_SIZE * B],
    ["transposedOutput", dp * d],
    ["transposedFfn1", dp * ffnDim],
    ["transposedFfn2", fp * d],
    ["tauFactors", H],
    ["spectralNorms", 4],
    ["priorLogarithms", maxLayers + 1],
  ];
}

/** Fields of a gradient slot and the floats that each takes. */
function slotSizes(config: ModelConfig): Size[] {
  const { dModel: d, numHeads: H, numBins: B, ffnDim, maxLayers, numClasses } = config;
  const dp = 4 * fours(d), fp = 4 * fours(ffnDim), bp = 4 * fours(B);
  return [
    ["slotGamma1", dp],
    ["slotBeta1", dp],
    ["slotGamma2", dp],
    ["slotBeta2", dp],
    ["slotTau", H],
    ["slotPrototypes", H * bp * LATENT_SIZE],
    ["slotBin", LATENT_SIZE * (d / H)],
    ["slotQuery", dp * d],
    ["slotQueryBias", dp],
    ["slotKeyValue", 2 * dp * d],
    ["slotKeyValueBias", 2 * dp],
    ["slotOutput", dp * d],
    ["slotOutputBias", dp],
    ["slotFfn1", fp * d],
    ["slotFfn1Bias", fp],
    ["slotFfn2", dp * ffnDim],
    ["slotFfn2Bias", dp],
    ["slotHalting", maxLayers * dp],
    ["slotHaltingBias", maxLayers],
    ["slotHeadWeight", numClasses * d],
    ["slotHeadBias", numClasses],
  ];
}

/** Tensors whose place in the parameter slab the kernels want to know. */
const PLACES: readonly (readonly [HeaderInteger, string])[] = [
  ["atGamma1", "epsilon_block.norm1.gamma"],
  ["atBeta1", "epsilon_block.norm1.beta"],
  ["atGamma2", "epsilon_block.norm2.gamma"],
  ["atBeta2", "epsilon_block.norm2.beta"],
  ["atLogTau", "epsilon_block.attention.log_tau"],
  ["atPrototypes", "epsilon_block.attention.prototypes"],
  ["atBinWeight", "epsilon_block.attention.W_bin.weight"],
  ["atQueryWeight", "epsilon_block.attention.W_q.weight"],
  ["atQueryBias", "epsilon_block.attention.W_q.bias"],
  ["atKeyWeight", "epsilon_block.attention.W_k.weight"],
  ["atKeyBias", "epsilon_block.attention.W_k.bias"],
  ["atValueWeight", "epsilon_block.attention.W_v.weight"],
  ["atValueBias", "epsilon_block.attention.W_v.bias"],
  ["atOutputWeight", "epsilon_block.attention.W_o.weight"],
  ["atOutputBias", "epsilon_block.attention.W_o.bias"],
  ["atFfn1Weight", "epsilon_block.ffn.linear1.weight_orig"],
  ["atFfn1Bias", "epsilon_block.ffn.linear1.bias"],
  ["atFfn2Weight", "epsilon_block.ffn.linear2.weight_orig"],
  ["atFfn2Bias", "epsilon_block.ffn.linear2.bias"],
  ["atHalting", "halting_fcs.0.weight"],
  ["atHeadWeight", "classification_head.weight"],
  ["atHeadBias", "classification_head.bias"],
];

function modelSizes(config: ModelConfig): Partial<Record<HeaderInteger, number>> {
  const { dModel, numHeads, numBins, ffnDim } = config;
  return {
    dModel,
    dGroups: fours(dModel),
    numHeads,
    headDim: dModel / numHeads,
    headGroups: fours(dModel / numHeads),
    numBins,
    binGroups: fours(numBins),
    ffnDim,
    ffnGroups: fours(ffnDim),
    maxLayers: config.maxLayers,
    stepLimit: stepLimit(config),
    halts: config.halting === "repeat-k" ? 0 : 1,
    binUpdateFrequency: config.binUpdateFrequency,
    exitMode: config.halting === "exit" ? 1 : 0,
    numClasses: config.numClasses,
  };
}

/** Places of everything whose size the model fixes: slabs, packed weights, and the fields of a gradient slot. */
export function modelLayout(config: ModelConfig, table: TensorTable): ModelLayout {
  const headerBytes = 4 * (HEADER_INTEGERS.length + HEADER_FLOATS.length);
  const places = new Places(aligned(HEADER_ADDRESS + headerBytes));
  const slabs: Size[] = [
    ["parameters", table.parameterCount],
    ["gradient", table.parameterCount],
    ["firstMoment", table.parameterCount],
    ["secondMoment", table.parameterCount],
    ["buffers", table.bufferCount],
  ];
  const shared = placed([...slabs, ["normalQuantiles", QUANTILES]], places);
  if (config.model === "vanilla") return vanillaLayout(config, table, shared, places);
  const slot = new Places(0);
  const fields = placed(slotSizes(config), slot);
  const tensors = PLACES.map(([field, name]) => [field, tensorPlace(table, name)]);
  return {
    integers: {
      ...modelSizes(config),
      ...Object.fromEntries([
        ...shared,
        ...placed(packedSizes(config), places),
        ...fields,
        ...tensors,
      ]),
      slotBytes: slot.end,
    },
    floats: {
      alphaRes: config.alphaRes,
      centerScale: Math.sqrt(config.dModel / (config.dModel - 1)),
      scoreScale: 1 / Math.sqrt(config.dModel / config.numHeads),
      embeddingScale: Math.sqrt(config.dModel),
    },
    slotBytes: slot.end,
    end: places.end,
  };
}
