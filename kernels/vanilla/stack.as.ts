// The vanilla model's stack of blocks on one sequence (spec §4), forward and backward in one call each.
//
// States lie in tiles [4·dGroups][8]; every token passes through every block. Saved per block for the way back: h, h after
// the attention's branch, the heads' output and what softmax keeps of its rows; the norms, q, k, v, the weights and the
// FFN's hidden layer are made again, which costs less than keeping them.

import {
  dGroups, dModel, dropoutThreshold, embeddingGain, maxLayers, packedBeta1, packedBeta2, packedBetaOut, packedBlockBytes, packedGamma1,
  packedGamma2, packedGammaOut, packedOutput, packedOutputBias, packedProjection, packedProjectionBias, slotBeta1,
  slotBeta2, slotBetaOut, slotBlockBytes, slotGamma1, slotGamma2, slotGammaOut, slotOutput, slotOutputBias,
  slotProjection, slotProjectionBias, stateGain, transposedOutput, transposedProjection,
} from "../header.as";
import { embeddingBackward, embeddingForward } from "../embedding/embedding.as";
import { ffnBackward, ffnForward, ffnWeightGradients } from "../ffn/ffn.as";
import { noiseBackward, noiseForward } from "../noise/noise.as";
import { tilesOf } from "../simd/arena.as";
import { applyMask, dropoutMask, SITE_ATTENTION_OUTPUT, SITE_FFN_OUTPUT } from "../simd/dropout.as";
import { sumOfLanes } from "../simd/math.as";
import { outerAdd, rowSumsAdd, tileProduct } from "../simd/matmul.as";
import { attentionBackward, attentionForward, attentionPrepareBackward, spreadKeys } from "./attention.as";
import { layerNormBackward, layerNormForward } from "./layernorm.as";
import * as ws from "./workspace.as";
import { CHUNK, field, HEADS, MIDDLE, QUIET, SOFTMAX, STATE } from "./workspace.as";

let tokens: i32 = 0;
let tiles: i32 = 0;
let ids: usize = 0;
let dropoutKey: usize = 0;
/** Where the present block's packed weights lie, from the first block's. */
let block: usize = 0;

/** Runs the sequence `ids` [n] in an opened workspace and leaves `ws.pooled`, the mean of the last norm over its tokens. */
export function stackForward(tokenIds: usize, n: i32, key: usize): void {
  ids = tokenIds;
  tokens = n;
  tiles = tilesOf(n);
  dropoutKey = key;
  for (let i = 0; i < tiles * 8; i++) store<u32>(ws.map + (<usize>i << 2), i < n ? i : 0);
  for (let tile = 0; tile < tiles; tile++) embedTile(field(0, STATE) + <usize>tile * ws.stateStride, tile);
  if (embeddingGain() > 0) addNoise(field(0, STATE), 0, embeddingGain());
  for (let layer = 0; layer < maxLayers(); layer++) {
    if (layer && stateGain() > 0) {
      const h = field(layer, STATE);
      memory.copy(field(layer, QUIET), h, <usize>tiles * ws.stateStride);
      addNoise(h, layer, stateGain());
    }
    blockForward(layer);
  }
  poolForward(field(maxLayers(), STATE));
}

/** Embedding and positions of one tile, before any noise. */
function embedTile(h: usize, tile: i32): void {
  const first = tile << 3;
  embeddingForward(h, ids + (<usize>first << 2), lanesOf(tile), first, ws.mask, mapOf(tile), dropoutKey);
}

function addNoise(h: usize, layer: i32, gain: f32): void {
  for (let tile = 0; tile < tiles; tile++) {
    noiseForward(h + <usize>tile * ws.stateStride, ws.mask, mapOf(tile), dropoutKey, layer, gain, lanesOf(tile));
  }
}

// @ts-ignore: decorator
@inline
function lanesOf(tile: i32): i32 {
  return min(8, tokens - (tile << 3));
}

// @ts-ignore: decorator
@inline
function mapOf(tile: i32): usize {
  return ws.map + (<usize>tile << 5);
}

function blockForward(layer: i32): void {
  block = <usize>layer * packedBlockBytes();
  const h = field(layer, STATE), middle = field(layer, MIDDLE), heads = field(layer, HEADS);
  const softmax = field(layer, SOFTMAX), next = field(layer + 1, STATE);
  projectTokens(h);
  for (let tile = 0; tile < tiles; tile++) {
    const shift = <usize>tile * ws.stateStride;
    const m = middle + shift;
    attentionForward(
      heads + shift, softmax + <usize>tile * ws.softmaxStride, ws.projections + <usize>tile * ws.projectionStride, tokens,
      tiles,
    );
    tileProduct(ws.branch, heads + shift, packedOutput() + block, packedOutputBias() + block, dModel(), dGroups());
    dropBranch(ws.branch, SITE_ATTENTION_OUTPUT, tile, layer);
    residual(m, h + shift, ws.branch);
    layerNormForward(ws.y, m, packedGamma2() + block, packedBeta2() + block);
    ffnForward(ws.branch, ws.y, ws.hidden, ws.mask, mapOf(tile), dropoutKey, layer, block);
    dropBranch(ws.branch, SITE_FFN_OUTPUT, tile, layer);
    residual(next + shift, m, ws.branch);
  }
}

/** q, k and v of all tokens from their states, and keys and values in natural order. */
function projectTokens(h: usize): void {
  for (let tile = 0; tile < tiles; tile++) {
    const target = ws.projections + <usize>tile * ws.projectionStride;
    layerNormForward(ws.x, h + <usize>tile * ws.stateStride, packedGamma1() + block, packedBeta1() + block);
    tileProduct(target, ws.x, packedProjection() + block, packedProjectionBias() + block, dModel(), 3 * dGroups());
    spreadKeys(target, tile, lanesOf(tile), tiles);
  }
}

// @ts-ignore: decorator
@inline
function dropBranch(branch: usize, site: i32, tile: i32, layer: i32): void {
  if (!dropoutThreshold()) return;
  dropoutMask(ws.mask, mapOf(tile), dropoutKey, site, layer, dModel());
  applyMask(branch, ws.mask, dModel());
}

/** target ← base + branch. */
// @ts-ignore: decorator
@inline
function residual(target: usize, base: usize, branch: usize): void {
  for (let p: usize = 0; p < ws.stateStride; p += 16) {
    v128.store(target + p, f32x4.add(v128.load(base + p), v128.load(branch + p)));
  }
}

/** Lane l of four: all ones while the token `first` + l is one of the sequence's. */
// @ts-ignore: decorator
@inline
function present(first: i32): v128 {
  return i32x4.lt_s(i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3)), i32x4.splat(tokens));
}

function poolForward(h: usize): void {
  const d = dModel();
  memory.fill(ws.rowSums, 0, ws.stateStride);
  for (let tile = 0; tile < tiles; tile++) {
    layerNormForward(ws.y, h + <usize>tile * ws.stateStride, packedGammaOut(), packedBetaOut());
    const mask0 = present(tile << 3), mask1 = present((tile << 3) + 4);
    for (let r: usize = 0; r < <usize>d; r++) {
      const sum = ws.rowSums + (r << 4);
      const pair = f32x4.add(
        v128.and(v128.load(ws.y + (r << 5)), mask0), v128.and(v128.load(ws.y + (r << 5), 16), mask1),
      );
      v128.store(sum, f32x4.add(v128.load(sum), pair));
    }
  }
  for (let r: usize = 0; r < <usize>d; r++) {
    store<f32>(ws.pooled + (r << 2), sumOfLanes(v128.load(ws.rowSums + (r << 4))) / <f32>tokens);
  }
}

/** From ∂loss/∂`ws.pooled` in `ws.dPooled`: the sequence's slot of gradients grows, `tokenGradients` [n][d] is set. */
export function stackBackward(slot: usize, tokenGradients: usize): void {
  poolBackward(slot, ws.dState, field(maxLayers(), STATE));
  for (let layer = maxLayers() - 1; layer >= 0; layer--) {
    blockBackward(slot + <usize>layer * slotBlockBytes(), ws.dState, layer);
    if (layer && stateGain() > 0) stateNoiseBackward(layer);
  }
  for (let tile = 0; tile < tiles; tile++) {
    if (embeddingGain() > 0) {
      embedTile(ws.x, tile);
      const dh = ws.dState + <usize>tile * ws.stateStride;
      noiseBackward(dh, ws.x, ws.mask, 0, mapOf(tile), dropoutKey, 0, embeddingGain());
    }
    embeddingBackward(
      tokenGradients + (<usize>((tile << 3) * dModel()) << 2), ws.dState + <usize>tile * ws.stateStride, lanesOf(tile),
      ws.mask, mapOf(tile), dropoutKey,
    );
  }
}

/** From the gradient of the block's noisy input to that of the state before its noise. */
function stateNoiseBackward(layer: i32): void {
  for (let tile = 0; tile < tiles; tile++) {
    const shift = <usize>tile * ws.stateStride;
    noiseBackward(
      ws.dState + shift, field(layer, QUIET) + shift, ws.mask, 0, mapOf(tile), dropoutKey, layer, stateGain(),
    );
  }
}

/** dh ← the gradient of the last state; every token has the same share of the mean. */
function poolBackward(slot: usize, dh: usize, h: usize): void {
  const d = dModel();
  memory.fill(dh, 0, <usize>tiles * ws.stateStride);
  for (let tile = 0; tile < tiles; tile++) {
    const shift = <usize>tile * ws.stateStride;
    const mask0 = present(tile << 3), mask1 = present((tile << 3) + 4);
    for (let r: usize = 0; r < <usize>d; r++) {
      const share = f32x4.splat(load<f32>(ws.dPooled + (r << 2)) / <f32>tokens);
      v128.store(ws.dy + (r << 5), v128.and(share, mask0));
      v128.store(ws.dy + (r << 5), v128.and(share, mask1), 16);
    }
    layerNormBackward(dh + shift, ws.dy, h + shift, packedGammaOut(), slot + slotGammaOut(), slot + slotBetaOut());
  }
}

/** In place: dh of the block's output becomes that of its input; the block's `slot` grows. */
function blockBackward(slot: usize, dh: usize, layer: i32): void {
  block = <usize>layer * packedBlockBytes();
  const h = field(layer, STATE);
  for (let first = 0; first < tiles; first += CHUNK) {
    branchesBackward(slot, dh, layer, first, min(CHUNK, tiles - first));
  }
  projectTokens(h);
  memory.fill(ws.dProjections, 0, <usize>tiles * ws.projectionStride);
  attentionBackward(ws.dProjections, ws.dHeads, field(layer, SOFTMAX), tokens, tiles);
  for (let first = 0; first < tiles; first += CHUNK) {
    projectionBackward(slot, dh, h, first, min(CHUNK, tiles - first));
  }
}

/** Through the FFN's branch and the attention's output layer, down to the heads' outputs in `ws.dHeads`. */
function branchesBackward(slot: usize, dh: usize, layer: i32, first: i32, size: i32): void {
  const middle = field(layer, MIDDLE), heads = field(layer, HEADS), softmax = field(layer, SOFTMAX);
  for (let i = 0; i < size; i++) {
    const tile = first + i, own = <usize>i * ws.stateStride, shift = <usize>tile * ws.stateStride;
    memory.copy(ws.branch + own, dh + shift, ws.stateStride);
    dropBranch(ws.branch + own, SITE_FFN_OUTPUT, tile, layer);
    layerNormForward(ws.y + own, middle + shift, packedGamma2() + block, packedBeta2() + block);
    ffnBackward(
      ws.dy, ws.branch + own, ws.y + own, ws.hidden + <usize>i * ws.hiddenStride, ws.dPre + <usize>i * ws.hiddenStride,
      ws.mask, mapOf(tile), dropoutKey, layer, block,
    );
    layerNormBackward(
      dh + shift, ws.dy, middle + shift, packedGamma2() + block, slot + slotGamma2(), slot + slotBeta2(),
    );
  }
  ffnWeightGradients(slot, ws.branch, ws.stateStride, ws.y, ws.stateStride, ws.hidden, ws.dPre, ws.hiddenStride, size);
  for (let i = 0; i < size; i++) {
    const tile = first + i, own = <usize>i * ws.stateStride, shift = <usize>tile * ws.stateStride;
    memory.copy(ws.branch + own, dh + shift, ws.stateStride);
    dropBranch(ws.branch + own, SITE_ATTENTION_OUTPUT, tile, layer);
    tileProduct(ws.dHeads + shift, ws.branch + own, transposedOutput() + block, 0, dModel(), dGroups());
    attentionPrepareBackward(ws.dHeads + shift, softmax + <usize>tile * ws.softmaxStride, heads + shift);
  }
  outerAdd(
    slot + slotOutput(), ws.branch, ws.stateStride, dGroups(), heads + <usize>first * ws.stateStride, ws.stateStride,
    dModel(), size,
  );
  rowSumsAdd(slot + slotOutputBias(), ws.branch, ws.stateStride, dGroups(), size);
}

/** From the gradients of q, k and v to dh, through the first norm. */
function projectionBackward(slot: usize, dh: usize, h: usize, first: i32, size: i32): void {
  const dProjections = ws.dProjections + <usize>first * ws.projectionStride;
  for (let i = 0; i < size; i++) {
    const shift = <usize>(first + i) * ws.stateStride;
    layerNormForward(ws.x + <usize>i * ws.stateStride, h + shift, packedGamma1() + block, packedBeta1() + block);
    tileProduct(
      ws.dy, dProjections + <usize>i * ws.projectionStride, transposedProjection() + block, 0, 12 * dGroups(), dGroups(),
    );
    layerNormBackward(dh + shift, ws.dy, h + shift, packedGamma1() + block, slot + slotGamma1(), slot + slotBeta1());
  }
  outerAdd(
    slot + slotProjection(), dProjections, ws.projectionStride, 3 * dGroups(), ws.x, ws.stateStride, dModel(), size,
  );
  rowSumsAdd(slot + slotProjectionBias(), dProjections, ws.projectionStride, 3 * dGroups(), size);
}
