// The recurrence of one sequence, backward: the steps in reverse, from the records that `recurrenceForward` saved.
//
// Saved per step: h, h⁺, h′, the heads' output, assignments a and weights w. Made again: both norms, q, k, v, latents and
// the FFN's hidden layer, which costs less than keeping them beyond the cache.

import {
  alphaRes, dModel, dropoutThreshold, embeddingGain, exitMode, halts, numHeads, packedBeta1, packedBeta2, packedGamma1, packedGamma2, priorLogarithms,
  slotBeta1, slotBeta2, slotGamma1, slotGamma2, stateGain,
} from "../header.as";
import { embeddingBackward } from "../embedding/embedding.as";
import { haltingScoresBackward } from "../loss/objective.as";
import { applyMask, dropoutMask, SITE_ATTENTION_OUTPUT, SITE_FFN_OUTPUT } from "../simd/dropout.as";
import { attentionBackward, attentionWeightGradients } from "./attention.as";
import { assignmentBackward, assignmentWeightGradients, binsBackward, binsBytes, packedHeadBytes } from "./bins.as";
import { centerNormBackward, centerNormForward } from "./centernorm.as";
import { ffnBackward, ffnWeightGradients } from "../ffn/ffn.as";
import { haltingBackward } from "./halting.as";
import { noiseBackward } from "../noise/noise.as";
import {
  dropoutKey, embedTile, haltedAt, moveLane, NOWHERE, probabilities, probabilityStride, remainders, stepsRun, tokens,
} from "./recurrence.as";
import * as ws from "./workspace.as";
import { CHUNK, field, take, tilesOf } from "./workspace.as";

/**
 * From ∂loss/∂y of [CLS] in `ws.dReadout`: the sequence's slot of weight gradients grows, `tokenGradients` [n][d] is set.
 * `clsSteps` is the step count of [CLS]. Overwrites the probabilities.
 */
export function recurrenceBackward(slot: usize, tokenGradients: usize, clsSteps: i32): void {
  const weighted = exitMode() ? clsSteps : stepsRun;
  readoutBackward(clsSteps, weighted);
  const spare = <usize>(tilesOf(tokens) + 2) * ws.stateStride;
  const dx = take(spare);
  const one = take(spare), two = take(spare);
  let dh = one;
  memory.fill(ws.binGradientTotal, 0, binsBytes());
  // Rows between the last head's and the first value's are multiplied by zero weights, so they must not hold a NaN.
  memory.fill(ws.dkv, 0, <usize>CHUNK * ws.keyValueStride);
  clearBinGradients();
  for (let t = stepsRun - 1; t >= 0; t--) {
    const active = <i32>field(t, ws.ACTIVE), frozen = <i32>field(t, ws.FROZEN);
    const tilesActive = tilesOf(active), tilesFrozen = tilesOf(frozen);
    if (t == stepsRun - 1) {
      memory.fill(dh, 0, <usize>(tilesActive + tilesFrozen) * ws.stateStride);
    } else if (field(t + 1, ws.SOURCE)) {
      const previous = dh;
      dh = dh == one ? two : one;
      memory.fill(dh, 0, <usize>(tilesActive + tilesFrozen) * ws.stateStride);
      spread(dh, previous, t + 1);
    } else {
      memory.fill(dh + <usize>tilesActive * ws.stateStride, 0, <usize>tilesFrozen * ws.stateStride);
    }
    if (stateGain() > 0 && t + 1 < stepsRun) stateNoiseBackward(dh, t, active);
    if (t < weighted) addReadout(dh, load<f32>(ws.clsWeights + (<usize>t << 2)));
    blockBackward(slot, dh, dx, t, active);
    if (!field(t, ws.RENEWED)) {
      normBackward(slot, dh, dx, field(t, ws.HIN), tilesActive);
      continue;
    }
    binsBackward(ws.binGradient, ws.binGradientTotal, ws.dBins, field(t, ws.BINS));
    clearBinGradients();
    const a = field(t, ws.ASSIGNMENT), h = field(t, ws.HIN);
    assignBackward(slot, dh, dx, a, h, active, ws.binGradient, t == 0);
    if (frozen) {
      const shift = <usize>tilesActive * ws.stateStride;
      memory.fill(dx, 0, <usize>tilesFrozen * ws.stateStride);
      assignBackward(
        slot, dh + shift, dx, a + <usize>tilesActive * ws.assignmentStride, h + shift, frozen, ws.binGradientTotal,
        false,
      );
    }
  }
  for (let tile = 0; tile < tilesOf(tokens); tile++) {
    const first = tile << 3;
    if (embeddingGain() > 0) embeddingNoiseBackward(dh + <usize>tile * ws.stateStride, tile);
    embeddingBackward(
      tokenGradients + (<usize>(first * dModel()) << 2), dh + <usize>tile * ws.stateStride, min(8, tokens - first),
      ws.mask, field(0, ws.MAP) + (<usize>tile << 5), dropoutKey,
    );
  }
}

/** From the gradient of step t + 1's noisy input to that of h⁺ of step t, for the tokens that went on. */
function stateNoiseBackward(dh: usize, t: i32, active: i32): void {
  const hOut = field(t, ws.HOUT), map = field(t, ws.MAP);
  for (let tile = 0; tile < tilesOf(active); tile++) {
    const shift = <usize>tile * ws.stateStride;
    const names = map + (<usize>tile << 5);
    for (let lane: usize = 0; lane < 32; lane += 4) {
      const steps = <i32>load<u8>(haltedAt + <usize>load<u32>(names + lane));
      store<i32>(ws.score + lane, !exitMode() || steps > t + 1 ? -1 : 0);
    }
    noiseBackward(dh + shift, hOut + shift, ws.mask, ws.score, names, dropoutKey, t + 1, stateGain());
  }
}

/** The same for h⁰, which is made again. */
function embeddingNoiseBackward(dh: usize, tile: i32): void {
  const map = field(0, ws.MAP);
  embedTile(ws.x, map, tile);
  noiseBackward(dh, ws.x, ws.mask, 0, map + (<usize>tile << 5), dropoutKey, 0, embeddingGain());
}

function clearBinGradients(): void {
  memory.fill(ws.dBins, 0, 2 * <usize>numHeads() * packedHeadBytes());
}

/** y = Σ p_t h⁺_t + r·h_last: weights of each state in `clsWeights`, and the gradient down to the halting scores. */
function readoutBackward(clsSteps: i32, weighted: i32): void {
  const d = dModel();
  const rest = load<f32>(remainders);
  let dRest: f32 = 0;
  for (let t = 0; t < stepsRun; t++) {
    const at = <usize>t << 2;
    const p = t < clsSteps ? load<f32>(probabilities + <usize>t * probabilityStride) : 0;
    store<f32>(ws.clsWeights + at, t == weighted - 1 ? p + rest : p);
    let dot: f32 = 0;
    if (t < weighted) {
      for (let r: usize = 0; r < <usize>d; r++) {
        dot += load<f32>(ws.dReadout + (r << 2)) * load<f32>(field(t, ws.HOUT) + (r << 5));
      }
    }
    store<f32>(ws.dStep + at, dot);
    if (t == weighted - 1) dRest = dot;
  }
  if (!halts()) return;
  haltingScoresBackward(
    probabilities, tokens, probabilityStride, stepsRun, priorLogarithms(), ws.dStep, dRest, ws.remainderRows,
  );
}

/** Gives the gradient of step t's places back to the places they had one step before. */
function spread(dh: usize, next: usize, t: i32): void {
  const behind = tilesOf(<i32>field(t, ws.ACTIVE)) << 3;
  const places = behind + (tilesOf(<i32>field(t, ws.FROZEN)) << 3);
  const source = field(t, ws.SOURCE);
  for (let i = 0; i < places; i++) {
    const place = load<u32>(source + (<usize>i << 2));
    if (place != NOWHERE) moveLane(dh, <i32>place, next, i, dModel());
  }
}

function addReadout(dh: usize, weight: f32): void {
  for (let r: usize = 0; r < <usize>dModel(); r++) {
    const p = dh + (r << 5);
    store<f32>(p, load<f32>(p) + weight * load<f32>(ws.dReadout + (r << 2)));
  }
}

/** From dh of h⁺ to dh of h through both residual branches; the attention's norm is left to the caller, in `dx`. */
function blockBackward(slot: usize, dh: usize, dx: usize, t: i32, active: i32): void {
  const tiles = tilesOf(active);
  const hIn = field(t, ws.HIN), hOut = field(t, ws.HOUT), mid = field(t, ws.HMID);
  const att = field(t, ws.ATT), weights = field(t, ws.WEIGHTS), bins = field(t, ws.BINS), map = field(t, ws.MAP);
  const scores = probabilities + <usize>t * probabilityStride;
  const dropping = dropoutThreshold() != 0, halting = halts();
  for (let first = 0; first < tiles; first += CHUNK) {
    const size = min(CHUNK, tiles - first);
    for (let i = 0; i < size; i++) {
      const tile = first + i;
      const d = dh + <usize>tile * ws.stateStride, m = mid + <usize>tile * ws.stateStride;
      const names = map + (<usize>tile << 5);
      const branch = ws.branch + <usize>i * ws.stateStride, y = ws.y + <usize>i * ws.stateStride;
      if (halting) {
        haltingBackward(
          slot, d, hOut + <usize>tile * ws.stateStride, scores, names, min(8, active - (tile << 3)), t, ws.score,
        );
      }
      branchGradient(branch, d, SITE_FFN_OUTPUT, names, t, dropping);
      centerNormForward(y, m, packedGamma2(), packedBeta2());
      ffnBackward(
        ws.dy, branch, y, ws.hidden + <usize>i * ws.hiddenStride, ws.dPre + <usize>i * ws.hiddenStride, ws.mask, names,
        dropoutKey, t, 0,
      );
      centerNormBackward(d, ws.dy, m, packedGamma2(), slot + slotGamma2(), slot + slotBeta2());
    }
    ffnWeightGradients(
      slot, ws.branch, ws.stateStride, ws.y, ws.stateStride, ws.hidden, ws.dPre, ws.hiddenStride, size,
    );
    for (let i = 0; i < size; i++) {
      const tile = first + i;
      const shift = <usize>tile * ws.stateStride, own = <usize>i * ws.stateStride;
      const names = map + (<usize>tile << 5);
      branchGradient(ws.branch + own, dh + shift, SITE_ATTENTION_OUTPUT, names, t, dropping);
      centerNormForward(ws.x + own, hIn + shift, packedGamma1(), packedBeta1());
      attentionBackward(
        dx + shift, ws.dq + <usize>i * ws.roundedStride, ws.ds + <usize>i * ws.assignmentStride, ws.dAtt + own,
        ws.dropped + <usize>i * ws.assignmentStride, ws.q + own, ws.branch + own,
        weights + <usize>tile * ws.assignmentStride, ws.x + own, bins, ws.mask, names, dropoutKey, t,
      );
    }
    attentionWeightGradients(
      slot, ws.dBins, ws.branch, ws.dAtt, att + <usize>first * ws.roundedStride, ws.roundedStride, ws.stateStride,
      ws.ds, dropping ? ws.dropped : weights + <usize>first * ws.assignmentStride, ws.assignmentStride, ws.q, ws.dq,
      ws.roundedStride, ws.x, ws.stateStride, size,
    );
  }
}

/** target ← α · mask ⊙ dh: the gradient of a residual branch. */
// @ts-ignore: decorator
@inline
function branchGradient(target: usize, dh: usize, site: i32, map: usize, t: i32, dropping: bool): void {
  const alpha = f32x4.splat(alphaRes());
  for (let p: usize = 0; p < ws.stateStride; p += 16) v128.store(target + p, f32x4.mul(alpha, v128.load(dh + p)));
  if (dropping) {
    dropoutMask(ws.mask, map, dropoutKey, site, t, dModel());
    applyMask(target, ws.mask, dModel());
  }
}

function normBackward(slot: usize, dh: usize, dx: usize, h: usize, tiles: i32): void {
  for (let tile = 0; tile < tiles; tile++) {
    const shift = <usize>tile * ws.stateStride;
    centerNormBackward(dh + shift, dx + shift, h + shift, packedGamma1(), slot + slotGamma1(), slot + slotBeta1());
  }
}

/** From the gradient of the bins' sums to dh, through assignments, keys, values and the norm. */
function assignBackward(
  slot: usize, dh: usize, dx: usize, a: usize, h: usize, count: i32, gradient: usize, first: bool,
): void {
  const tiles = tilesOf(count);
  for (let from = 0; from < tiles; from += CHUNK) {
    const size = min(CHUNK, tiles - from);
    for (let i = 0; i < size; i++) {
      const tile = from + i;
      const shift = <usize>tile * ws.stateStride;
      assignmentBackward(
        slot, dx + shift, ws.ds + <usize>i * ws.assignmentStride, ws.dz + <usize>i * ws.latentStride,
        ws.dkv + <usize>i * ws.keyValueStride, ws.kv + <usize>i * ws.keyValueStride,
        ws.z + <usize>i * ws.latentStride, ws.x + <usize>i * ws.stateStride,
        a + <usize>tile * ws.assignmentStride, h + shift, gradient, first,
      );
    }
    assignmentWeightGradients(
      slot, ws.ds, ws.assignmentStride, ws.z, ws.dz, ws.latentStride, ws.kv, ws.dkv, ws.keyValueStride, ws.x,
      ws.stateStride, size,
    );
  }
  normBackward(slot, dh, dx, h, tiles);
}
