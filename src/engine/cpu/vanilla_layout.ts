import type { HeaderInteger } from "../../../kernels/header.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { TensorTable } from "../../model/tensors.ts";
import type { ModelLayout } from "./layout.ts";
import { fours, placed, Places, type Size, tensorPlace } from "./places.ts";

/** A block's tensors by the header's names for their places, and by their own names within the block. */
const BLOCK_TENSORS: readonly (readonly [HeaderInteger, string])[] = [
  ["atGamma1", "ln1.weight"],
  ["atBeta1", "ln1.bias"],
  ["atProjectionWeight", "attn.in_proj_weight"],
  ["atProjectionBias", "attn.in_proj_bias"],
  ["atOutputWeight", "attn.out_proj.weight"],
  ["atOutputBias", "attn.out_proj.bias"],
  ["atGamma2", "ln2.weight"],
  ["atBeta2", "ln2.bias"],
  ["atFfn1Weight", "ffn.0.weight"],
  ["atFfn1Bias", "ffn.0.bias"],
  ["atFfn2Weight", "ffn.3.weight"],
  ["atFfn2Bias", "ffn.3.bias"],
];

const OTHER_TENSORS: readonly (readonly [HeaderInteger, string])[] = [
  ["atGammaOut", "ln_out.weight"],
  ["atBetaOut", "ln_out.bias"],
  ["atHeadWeight", "head.weight"],
  ["atHeadBias", "head.bias"],
];

/** Packed weights of one block (layouts: kernels/README.md). */
function packedBlock({ dModel: d, ffnDim }: ModelConfig): Size[] {
  const dp = 4 * fours(d), fp = 4 * fours(ffnDim);
  return [
    ["packedGamma1", dp],
    ["packedBeta1", dp],
    ["packedProjection", 3 * dp * d],
    ["packedProjectionBias", 3 * dp],
    ["packedOutput", dp * d],
    ["packedOutputBias", dp],
    ["packedGamma2", dp],
    ["packedBeta2", dp],
    ["packedFfn1", fp * d],
    ["packedFfn1Bias", fp],
    ["packedFfn2", dp * ffnDim],
    ["packedFfn2Bias", dp],
    ["transposedProjection", dp * 3 * dp],
    ["transposedOutput", dp * d],
    ["transposedFfn1", dp * ffnDim],
    ["transposedFfn2", fp * d],
  ];
}

/** One block's part of a gradient slot. */
function slotBlock({ dModel: d, ffnDim }: ModelConfig): Size[] {
  const dp = 4 * fours(d), fp = 4 * fours(ffnDim);
  return [
    ["slotGamma1", dp],
    ["slotBeta1", dp],
    ["slotProjection", 3 * dp * d],
    ["slotProjectionBias", 3 * dp],
    ["slotOutput", dp * d],
    ["slotOutputBias", dp],
    ["slotGamma2", dp],
    ["slotBeta2", dp],
    ["slotFfn1", fp * d],
    ["slotFfn1Bias", fp],
    ["slotFfn2", dp * ffnDim],
    ["slotFfn2Bias", dp],
  ];
}

/** What a gradient slot holds behind its blocks. */
function slotRest({ dModel: d, numClasses }: ModelConfig): Size[] {
  const dp = 4 * fours(d);
  return [["slotGammaOut", dp], ["slotBetaOut", dp], ["slotHeadWeight", numClasses * d], ["slotHeadBias", numClasses]];
}

/** Places `sizes` of all blocks, one block after the other; returns those of the first and the bytes from one to the next. */
function placeBlocks(sizes: readonly Size[], blocks: number, where: Places) {
  const first = where.end;
  const fields = placed(sizes, where);
  const stride = where.end - first;
  for (let block = 1; block < blocks; block++) placed(sizes, where);
  return { fields, stride };
}

/** The vanilla model's layout, behind the `slabs` and tables that `places` has handed out already. */
export function vanillaLayout(
  config: ModelConfig,
  table: TensorTable,
  slabs: readonly (readonly [HeaderInteger, number])[],
  places: Places,
): ModelLayout {
  const { dModel, numHeads, ffnDim, maxLayers, numClasses } = config;
  const slot = new Places(0);
  const packed = placeBlocks(packedBlock(config), maxLayers, places);
  const slots = placeBlocks(slotBlock(config), maxLayers, slot);
  const norm: Size[] = [["packedGammaOut", 4 * fours(dModel)], ["packedBetaOut", 4 * fours(dModel)]];
  const integers = Object.fromEntries([
    ...slabs,
    ...packed.fields,
    ...placed(norm, places),
    ...slots.fields,
    ...placed(slotRest(config), slot),
    ...BLOCK_TENSORS.map(([field, name]) => [field, tensorPlace(table, `blocks.0.${name}`)]),
    ...OTHER_TENSORS.map(([field, name]) => [field, tensorPlace(table, name)]),
  ]);
  const blockElements = tensorPlace(table, "ln_out.weight") - tensorPlace(table, "blocks.0.ln1.weight");
  return {
    integers: {
      ...integers,
      vanilla: 1,
      dModel,
      dGroups: fours(dModel),
      numHeads,
      headDim: dModel / numHeads,
      headGroups: fours(dModel / numHeads),
      ffnDim,
      ffnGroups: fours(ffnDim),
      maxLayers,
      numClasses,
      atBlockStride: blockElements / maxLayers,
      packedBlockBytes: packed.stride,
      slotBlockBytes: slots.stride,
      slotBytes: slot.end,
    },
    floats: { scoreScale: 1 / Math.sqrt(dModel / numHeads), embeddingScale: 1 },
    slotBytes: slot.end,
    end: places.end,
  };
}
