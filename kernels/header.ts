/**
 * The header: where every kernel finds its sizes, addresses and settings. One table, from which `build.ts` writes the
 * accessors of `header.as.ts`, so that the host and the kernels cannot disagree.
 *
 * Words lie at `HEADER_ADDRESS + 4 · index`; addresses are bytes in the shared memory.
 */
export const HEADER_ADDRESS = 65536;

export const HEADER_INTEGERS = [
  // Whether the model is the vanilla one (spec §4), else Epsilon.
  "vanilla",
  // Sizes; `…Groups` counts groups of four rows.
  "dModel",
  "dGroups",
  "numHeads",
  "headDim",
  "headGroups",
  "numBins",
  "binGroups",
  "ffnDim",
  "ffnGroups",
  "maxLayers",
  // Most steps that run: L, or k where every token takes exactly k steps and `halts` is 0.
  "stepLimit",
  "halts",
  "binUpdateFrequency",
  "exitMode",
  "numClasses",
  // Settings of the present call.
  "dropoutThreshold",
  // Table of the normal distribution's quantiles, written when noise is first asked for.
  "normalQuantiles",
  // Natural-order slabs of the model's tensors.
  "parameters",
  "buffers",
  "gradient",
  "firstMoment",
  "secondMoment",
  "positions",
  // Places of tensors in the parameter slab (elements).
  "atGamma1",
  "atBeta1",
  "atGamma2",
  "atBeta2",
  "atLogTau",
  "atPrototypes",
  "atBinWeight",
  "atQueryWeight",
  "atQueryBias",
  "atKeyWeight",
  "atKeyBias",
  "atValueWeight",
  "atValueBias",
  "atOutputWeight",
  "atOutputBias",
  "atFfn1Weight",
  "atFfn1Bias",
  "atFfn2Weight",
  "atFfn2Bias",
  "atHalting",
  "atHeadWeight",
  "atHeadBias",
  // The vanilla model's own; its other tensors stand under the names above, those of blocks for the first of them.
  "atBlockStride",
  "atProjectionWeight",
  "atProjectionBias",
  "atGammaOut",
  "atBetaOut",
  // Packed weights, remade before each call (see packing.as.ts).
  "packedGamma1",
  "packedBeta1",
  "packedGamma2",
  "packedBeta2",
  "packedQuery",
  "packedQueryBias",
  "packedKeyValue",
  "packedKeyValueBias",
  "packedBin",
  "packedPrototypes",
  "packedOutput",
  "packedOutputBias",
  "packedFfn1",
  "packedFfn1Bias",
  "packedFfn2",
  "packedFfn2Bias",
  "packedHalting",
  "packedHaltingBias",
  "packedBlockBytes",
  "packedProjection",
  "packedProjectionBias",
  "packedGammaOut",
  "packedBetaOut",
  "transposedProjection",
  "transposedQuery",
  "transposedKeyValue",
  "transposedBin",
  "transposedPrototypes",
  "transposedOutput",
  "transposedFfn1",
  "transposedFfn2",
  "tauFactors",
  "spectralNorms",
  "priorLogarithms",
  // One gradient slot per sequence; fields are bytes from the slot's start.
  "gradientSlots",
  "slotBytes",
  "slotGamma1",
  "slotBeta1",
  "slotGamma2",
  "slotBeta2",
  "slotTau",
  "slotPrototypes",
  "slotBin",
  "slotQuery",
  "slotQueryBias",
  "slotKeyValue",
  "slotKeyValueBias",
  "slotOutput",
  "slotOutputBias",
  "slotFfn1",
  "slotFfn1Bias",
  "slotFfn2",
  "slotFfn2Bias",
  "slotHalting",
  "slotHaltingBias",
  "slotHeadWeight",
  "slotHeadBias",
  "slotBlockBytes",
  "slotProjection",
  "slotProjectionBias",
  "slotGammaOut",
  "slotBetaOut",
  // The batch and what comes back.
  "tokens",
  "offsets",
  "labels",
  "dropoutKeys",
  "tokenGradients",
  "haltingSteps",
  "logits",
  "results",
] as const;

export const HEADER_FLOATS = [
  "alphaRes",
  "centerScale",
  "scoreScale",
  "embeddingScale",
  "dropoutScale",
  // Gain of the noise on h⁰, and on the input of every later step; 0 without noise.
  "embeddingGain",
  "stateGain",
  // A token halts once its remainder is no more than this.
  "haltRemainder",
  // Objective: what one token or sequence weighs.
  "taskWeight",
  "klWeight",
  "entropyWeight",
] as const;

export type HeaderInteger = typeof HEADER_INTEGERS[number];
export type HeaderFloat = typeof HEADER_FLOATS[number];

/** Byte address of a header word. */
export function headerAddress(name: HeaderInteger | HeaderFloat): number {
  const integer = (HEADER_INTEGERS as readonly string[]).indexOf(name);
  const index = integer >= 0 ? integer : HEADER_INTEGERS.length + (HEADER_FLOATS as readonly string[]).indexOf(name);
  return HEADER_ADDRESS + 4 * index;
}

/** Doubles reported for each sequence in `results`. */
export const RESULT_FIELDS = [
  "taskLoss",
  "klSum",
  "entropySum",
  "correct",
  "tokenSteps",
  "applications",
  "noisePower",
  "noisyTokens",
] as const;
