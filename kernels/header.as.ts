// Written by build.ts from header.ts; do not edit.

// @ts-ignore: decorator
@inline
export function vanilla(): i32 {
  return load<i32>(65536);
}

// @ts-ignore: decorator
@inline
export function dModel(): i32 {
  return load<i32>(65540);
}

// @ts-ignore: decorator
@inline
export function dGroups(): i32 {
  return load<i32>(65544);
}

// @ts-ignore: decorator
@inline
export function numHeads(): i32 {
  return load<i32>(65548);
}

// @ts-ignore: decorator
@inline
export function headDim(): i32 {
  return load<i32>(65552);
}

// @ts-ignore: decorator
@inline
export function headGroups(): i32 {
  return load<i32>(65556);
}

// @ts-ignore: decorator
@inline
export function numBins(): i32 {
  return load<i32>(65560);
}

// @ts-ignore: decorator
@inline
export function binGroups(): i32 {
  return load<i32>(65564);
}

// @ts-ignore: decorator
@inline
export function ffnDim(): i32 {
  return load<i32>(65568);
}

// @ts-ignore: decorator
@inline
export function ffnGroups(): i32 {
  return load<i32>(65572);
}

// @ts-ignore: decorator
@inline
export function maxLayers(): i32 {
  return load<i32>(65576);
}

// @ts-ignore: decorator
@inline
export function stepLimit(): i32 {
  return load<i32>(65580);
}

// @ts-ignore: decorator
@inline
export function halts(): i32 {
  return load<i32>(65584);
}

// @ts-ignore: decorator
@inline
export function binUpdateFrequency(): i32 {
  return load<i32>(65588);
}

// @ts-ignore: decorator
@inline
export function exitMode(): i32 {
  return load<i32>(65592);
}

// @ts-ignore: decorator
@inline
export function numClasses(): i32 {
  return load<i32>(65596);
}

// @ts-ignore: decorator
@inline
export function dropoutThreshold(): i32 {
  return load<i32>(65600);
}

// @ts-ignore: decorator
@inline
export function normalQuantiles(): usize {
  return load<usize>(65604);
}

// @ts-ignore: decorator
@inline
export function parameters(): usize {
  return load<usize>(65608);
}

// @ts-ignore: decorator
@inline
export function buffers(): usize {
  return load<usize>(65612);
}

// @ts-ignore: decorator
@inline
export function gradient(): usize {
  return load<usize>(65616);
}

// @ts-ignore: decorator
@inline
export function firstMoment(): usize {
  return load<usize>(65620);
}

// @ts-ignore: decorator
@inline
export function secondMoment(): usize {
  return load<usize>(65624);
}

// @ts-ignore: decorator
@inline
export function positions(): usize {
  return load<usize>(65628);
}

// @ts-ignore: decorator
@inline
export function atGamma1(): i32 {
  return load<i32>(65632);
}

// @ts-ignore: decorator
@inline
export function atBeta1(): i32 {
  return load<i32>(65636);
}

// @ts-ignore: decorator
@inline
export function atGamma2(): i32 {
  return load<i32>(65640);
}

// @ts-ignore: decorator
@inline
export function atBeta2(): i32 {
  return load<i32>(65644);
}

// @ts-ignore: decorator
@inline
export function atLogTau(): i32 {
  return load<i32>(65648);
}

// @ts-ignore: decorator
@inline
export function atPrototypes(): i32 {
  return load<i32>(65652);
}

// @ts-ignore: decorator
@inline
export function atBinWeight(): i32 {
  return load<i32>(65656);
}

// @ts-ignore: decorator
@inline
export function atQueryWeight(): i32 {
  return load<i32>(65660);
}

// @ts-ignore: decorator
@inline
export function atQueryBias(): i32 {
  return load<i32>(65664);
}

// @ts-ignore: decorator
@inline
export function atKeyWeight(): i32 {
  return load<i32>(65668);
}

// @ts-ignore: decorator
@inline
export function atKeyBias(): i32 {
  return load<i32>(65672);
}

// @ts-ignore: decorator
@inline
export function atValueWeight(): i32 {
  return load<i32>(65676);
}

// @ts-ignore: decorator
@inline
export function atValueBias(): i32 {
  return load<i32>(65680);
}

// @ts-ignore: decorator
@inline
export function atOutputWeight(): i32 {
  return load<i32>(65684);
}

// @ts-ignore: decorator
@inline
export function atOutputBias(): i32 {
  return load<i32>(65688);
}

// @ts-ignore: decorator
@inline
export function atFfn1Weight(): i32 {
  return load<i32>(65692);
}

// @ts-ignore: decorator
@inline
export function atFfn1Bias(): i32 {
  return load<i32>(65696);
}

// @ts-ignore: decorator
@inline
export function atFfn2Weight(): i32 {
  return load<i32>(65700);
}

// @ts-ignore: decorator
@inline
export function atFfn2Bias(): i32 {
  return load<i32>(65704);
}

// @ts-ignore: decorator
@inline
export function atHalting(): i32 {
  return load<i32>(65708);
}

// @ts-ignore: decorator
@inline
export function atHeadWeight(): i32 {
  return load<i32>(65712);
}

// @ts-ignore: decorator
@inline
export function atHeadBias(): i32 {
  return load<i32>(65716);
}

// @ts-ignore: decorator
@inline
export function atBlockStride(): i32 {
  return load<i32>(65720);
}

// @ts-ignore: decorator
@inline
export function atProjectionWeight(): i32 {
  return load<i32>(65724);
}

// @ts-ignore: decorator
@inline
export function atProjectionBias(): i32 {
  return load<i32>(65728);
}

// @ts-ignore: decorator
@inline
export function atGammaOut(): i32 {
  return load<i32>(65732);
}

// @ts-ignore: decorator
@inline
export function atBetaOut(): i32 {
  return load<i32>(65736);
}

// @ts-ignore: decorator
@inline
export function packedGamma1(): usize {
  return load<usize>(65740);
}

// @ts-ignore: decorator
@inline
export function packedBeta1(): usize {
  return load<usize>(65744);
}

// @ts-ignore: decorator
@inline
export function packedGamma2(): usize {
  return load<usize>(65748);
}

// @ts-ignore: decorator
@inline
export function packedBeta2(): usize {
  return load<usize>(65752);
}

// @ts-ignore: decorator
@inline
export function packedQuery(): usize {
  return load<usize>(65756);
}

// @ts-ignore: decorator
@inline
export function packedQueryBias(): usize {
  return load<usize>(65760);
}

// @ts-ignore: decorator
@inline
export function packedKeyValue(): usize {
  return load<usize>(65764);
}

// @ts-ignore: decorator
@inline
export function packedKeyValueBias(): usize {
  return load<usize>(65768);
}

// @ts-ignore: decorator
@inline
export function packedBin(): usize {
  return load<usize>(65772);
}

// @ts-ignore: decorator
@inline
export function packedPrototypes(): usize {
  return load<usize>(65776);
}

// @ts-ignore: decorator
@inline
export function packedOutput(): usize {
  return load<usize>(65780);
}

// @ts-ignore: decorator
@inline
export function packedOutputBias(): usize {
  return load<usize>(65784);
}

// @ts-ignore: decorator
@inline
export function packedFfn1(): usize {
  return load<usize>(65788);
}

// @ts-ignore: decorator
@inline
export function packedFfn1Bias(): usize {
  return load<usize>(65792);
}

// @ts-ignore: decorator
@inline
export function packedFfn2(): usize {
  return load<usize>(65796);
}

// @ts-ignore: decorator
@inline
export function packedFfn2Bias(): usize {
  return load<usize>(65800);
}

// @ts-ignore: decorator
@inline
export function packedHalting(): usize {
  return load<usize>(65804);
}

// @ts-ignore: decorator
@inline
export function packedHaltingBias(): usize {
  return load<usize>(65808);
}

// @ts-ignore: decorator
@inline
export function packedBlockBytes(): usize {
  return load<usize>(65812);
}

// @ts-ignore: decorator
@inline
export function packedProjection(): usize {
  return load<usize>(65816);
}

// @ts-ignore: decorator
@inline
export function packedProjectionBias(): usize {
  return load<usize>(65820);
}

// @ts-ignore: decorator
@inline
export function packedGammaOut(): usize {
  return load<usize>(65824);
}

// @ts-ignore: decorator
@inline
export function packedBetaOut(): usize {
  return load<usize>(65828);
}

// @ts-ignore: decorator
@inline
export function transposedProjection(): usize {
  return load<usize>(65832);
}

// @ts-ignore: decorator
@inline
export function transposedQuery(): usize {
  return load<usize>(65836);
}

// @ts-ignore: decorator
@inline
export function transposedKeyValue(): usize {
  return load<usize>(65840);
}

// @ts-ignore: decorator
@inline
export function transposedBin(): usize {
  return load<usize>(65844);
}

// @ts-ignore: decorator
@inline
export function transposedPrototypes(): usize {
  return load<usize>(65848);
}

// @ts-ignore: decorator
@inline
export function transposedOutput(): usize {
  return load<usize>(65852);
}

// @ts-ignore: decorator
@inline
export function transposedFfn1(): usize {
  return load<usize>(65856);
}

// @ts-ignore: decorator
@inline
export function transposedFfn2(): usize {
  return load<usize>(65860);
}

// @ts-ignore: decorator
@inline
export function tauFactors(): usize {
  return load<usize>(65864);
}

// @ts-ignore: decorator
@inline
export function spectralNorms(): usize {
  return load<usize>(65868);
}

// @ts-ignore: decorator
@inline
export function priorLogarithms(): usize {
  return load<usize>(65872);
}

// @ts-ignore: decorator
@inline
export function gradientSlots(): usize {
  return load<usize>(65876);
}

// @ts-ignore: decorator
@inline
export function slotBytes(): usize {
  return load<usize>(65880);
}

// @ts-ignore: decorator
@inline
export function slotGamma1(): usize {
  return load<usize>(65884);
}

// @ts-ignore: decorator
@inline
export function slotBeta1(): usize {
  return load<usize>(65888);
}

// @ts-ignore: decorator
@inline
export function slotGamma2(): usize {
  return load<usize>(65892);
}

// @ts-ignore: decorator
@inline
export function slotBeta2(): usize {
  return load<usize>(65896);
}

// @ts-ignore: decorator
@inline
export function slotTau(): usize {
  return load<usize>(65900);
}

// @ts-ignore: decorator
@inline
export function slotPrototypes(): usize {
  return load<usize>(65904);
}

// @ts-ignore: decorator
@inline
export function slotBin(): usize {
  return load<usize>(65908);
}

// @ts-ignore: decorator
@inline
export function slotQuery(): usize {
  return load<usize>(65912);
}

// @ts-ignore: decorator
@inline
export function slotQueryBias(): usize {
  return load<usize>(65916);
}

// @ts-ignore: decorator
@inline
export function slotKeyValue(): usize {
  return load<usize>(65920);
}

// @ts-ignore: decorator
@inline
export function slotKeyValueBias(): usize {
  return load<usize>(65924);
}

// @ts-ignore: decorator
@inline
export function slotOutput(): usize {
  return load<usize>(65928);
}

// @ts-ignore: decorator
@inline
export function slotOutputBias(): usize {
  return load<usize>(65932);
}

// @ts-ignore: decorator
@inline
export function slotFfn1(): usize {
  return load<usize>(65936);
}

// @ts-ignore: decorator
@inline
export function slotFfn1Bias(): usize {
  return load<usize>(65940);
}

// @ts-ignore: decorator
@inline
export function slotFfn2(): usize {
  return load<usize>(65944);
}

// @ts-ignore: decorator
@inline
export function slotFfn2Bias(): usize {
  return load<usize>(65948);
}

// @ts-ignore: decorator
@inline
export function slotHalting(): usize {
  return load<usize>(65952);
}

// @ts-ignore: decorator
@inline
export function slotHaltingBias(): usize {
  return load<usize>(65956);
}

// @ts-ignore: decorator
@inline
export function slotHeadWeight(): usize {
  return load<usize>(65960);
}

// @ts-ignore: decorator
@inline
export function slotHeadBias(): usize {
  return load<usize>(65964);
}

// @ts-ignore: decorator
@inline
export function slotBlockBytes(): usize {
  return load<usize>(65968);
}

// @ts-ignore: decorator
@inline
export function slotProjection(): usize {
  return load<usize>(65972);
}

// @ts-ignore: decorator
@inline
export function slotProjectionBias(): usize {
  return load<usize>(65976);
}

// @ts-ignore: decorator
@inline
export function slotGammaOut(): usize {
  return load<usize>(65980);
}

// @ts-ignore: decorator
@inline
export function slotBetaOut(): usize {
  return load<usize>(65984);
}

// @ts-ignore: decorator
@inline
export function tokens(): usize {
  return load<usize>(65988);
}

// @ts-ignore: decorator
@inline
export function offsets(): usize {
  return load<usize>(65992);
}

// @ts-ignore: decorator
@inline
export function labels(): usize {
  return load<usize>(65996);
}

// @ts-ignore: decorator
@inline
export function dropoutKeys(): usize {
  return load<usize>(66000);
}

// @ts-ignore: decorator
@inline
export function tokenGradients(): usize {
  return load<usize>(66004);
}

// @ts-ignore: decorator
@inline
export function haltingSteps(): usize {
  return load<usize>(66008);
}

// @ts-ignore: decorator
@inline
export function logits(): usize {
  return load<usize>(66012);
}

// @ts-ignore: decorator
@inline
export function results(): usize {
  return load<usize>(66016);
}

// @ts-ignore: decorator
@inline
export function alphaRes(): f32 {
  return load<f32>(66020);
}

// @ts-ignore: decorator
@inline
export function centerScale(): f32 {
  return load<f32>(66024);
}

// @ts-ignore: decorator
@inline
export function scoreScale(): f32 {
  return load<f32>(66028);
}

// @ts-ignore: decorator
@inline
export function embeddingScale(): f32 {
  return load<f32>(66032);
}

// @ts-ignore: decorator
@inline
export function dropoutScale(): f32 {
  return load<f32>(66036);
}

// @ts-ignore: decorator
@inline
export function embeddingGain(): f32 {
  return load<f32>(66040);
}

// @ts-ignore: decorator
@inline
export function stateGain(): f32 {
  return load<f32>(66044);
}

// @ts-ignore: decorator
@inline
export function haltRemainder(): f32 {
  return load<f32>(66048);
}

// @ts-ignore: decorator
@inline
export function taskWeight(): f32 {
  return load<f32>(66052);
}

// @ts-ignore: decorator
@inline
export function klWeight(): f32 {
  return load<f32>(66056);
}

// @ts-ignore: decorator
@inline
export function entropyWeight(): f32 {
  return load<f32>(66060);
}
