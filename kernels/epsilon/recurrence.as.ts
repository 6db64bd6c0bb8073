// The recurrence of one sequence, forward (spec §1): all steps of the block, its bins and its halting, in one call.
//
// States lie in tiles [4·dGroups][8]. Active tokens are kept compact, in ascending order, from the first tile; behind them,
// from a tile of their own, lie tokens that halted since the bins were last renewed: their keys, values and assignments
// are computed once more, join `frozenSums` and stay there. `map` names the token of each place, `source` the place it
// had one step before. `[CLS]` is token 0, so it holds place 0 as long as it is active.

import {
  alphaRes, binUpdateFrequency, dModel, dropoutThreshold, exitMode, haltRemainder, halts, packedBeta1, packedBeta2,
  embeddingGain, packedGamma1, packedGamma2, stateGain, stepLimit,
} from "../header.as";
import { embeddingForward } from "../embedding/embedding.as";
import { applyMask, dropoutMask, SITE_ATTENTION_OUTPUT, SITE_FFN_OUTPUT } from "../simd/dropout.as";
import { noiseForward } from "../noise/noise.as";
import { madd } from "../simd/math.as";
import { attentionForward } from "./attention.as";
import { assignmentForward, binsBytes, binsForward, entropyForward, sumsAdd, sumsBytes } from "./bins.as";
import { centerNormForward } from "./centernorm.as";
import { ffnForward } from "../ffn/ffn.as";
import { haltingForward } from "./halting.as";
import * as ws from "./workspace.as";
import { CHUNK, field, setField, take, tilesOf } from "./workspace.as";

/** A place of `source` and `map` that holds no token. */
export const NOWHERE: u32 = 0xffffffff;

export let tokens: i32 = 0;
/** Steps that ran. */
export let stepsRun: i32 = 0;
/** Block applications that were computed, over all tokens. */
export let applications: i32 = 0;
/** p [stepLimit][n8] and the bytes of one of its rows. */
export let probabilities: usize = 0;
export let probabilityStride: usize = 0;
export let remainders: usize = 0;
/** Σ a log a over tokens and heads of the first step. */
export let entropySum: f64 = 0;

/** Token ids, dropout key and steps of the present sequence. */
export let ids: usize = 0;
export let dropoutKey: usize = 0;
export let haltedAt: usize = 0;

/**
 * Runs the sequence `ids` [n] and leaves `ws.readout` (y of [CLS]), `probabilities`, and `steps` [n] (block applications
 * of each token). `saving` keeps every step's record for the backward pass; `early` ends once [CLS] has halted.
 */
export function recurrenceForward(tokenIds: usize, n: i32, key: usize, steps: usize, saving: bool, early: bool, wantEntropy: bool): void {
  ids = tokenIds;
  tokens = n;
  dropoutKey = key;
  haltedAt = steps;
  applications = 0;
  entropySum = 0;
  const layers = stepLimit(), d = dModel(), spent = haltRemainder();
  const tiles = tilesOf(n), spare = tiles + 2;
  probabilityStride = <usize>tiles << 5;
  probabilities = take(<usize>layers * probabilityStride);
  remainders = take(probabilityStride);
  memory.fill(probabilities, 0, <usize>layers * probabilityStride);
  for (let i = 0; i < tiles * 8; i++) store<f32>(remainders + (<usize>i << 2), 1);
  memory.fill(ws.readout, 0, <usize>d << 2);
  memory.fill(ws.frozenSums, 0, sumsBytes());

  // Without saving, three buffers of states and two maps are used in turn.
  const bufferBytes = <usize>spare * ws.stateStride, mapBytes = <usize>spare << 5;
  const buffers = saving ? 0 : take(3 * bufferBytes);
  const maps = saving ? 0 : take(2 * mapBytes);
  let hIn = saving ? take(<usize>tiles * ws.stateStride) : buffers;
  let map = saving ? take(<usize>tiles << 5) : maps;
  const source = saving ? 0 : take(mapBytes);
  embed(hIn, map);

  let active = n, frozen = 0;
  let bins = ws.bins;
  let from: usize = 0;
  for (let t = 0; t < layers; t++) {
    const tilesActive = tilesOf(active), tilesFrozen = tilesOf(frozen);
    const renewed = t % binUpdateFrequency() == 0;
    const assignments = saving && renewed ? take(<usize>(tilesActive + tilesFrozen) * ws.assignmentStride) : 0;
    if (renewed) {
      memory.fill(ws.activeSums, 0, sumsBytes());
      assign(hIn, assignments, active, ws.activeSums, wantEntropy && t == 0);
      if (frozen) {
        const behind = assignments ? assignments + <usize>tilesActive * ws.assignmentStride : 0;
        assign(hIn + <usize>tilesActive * ws.stateStride, behind, frozen, ws.frozenSums, false);
      }
      if (saving) bins = take(binsBytes());
      binsForward(bins, ws.activeSums, ws.frozenSums);
    }
    const hOut = saving ? take(<usize>tilesActive * ws.stateStride) : otherBuffer(buffers, bufferBytes, hIn, hIn);
    setField(t, ws.HIN, hIn);
    setField(t, ws.HOUT, hOut);
    setField(t, ws.HMID, saving ? take(<usize>tilesActive * ws.stateStride) : ws.mid);
    setField(t, ws.ATT, saving ? take(<usize>tilesActive * ws.roundedStride) : ws.att);
    setField(t, ws.ASSIGNMENT, assignments);
    setField(t, ws.WEIGHTS, saving ? take(<usize>tilesActive * ws.assignmentStride) : ws.assignment);
    setField(t, ws.BINS, bins);
    setField(t, ws.MAP, map);
    setField(t, ws.SOURCE, from);
    setField(t, ws.ACTIVE, active);
    setField(t, ws.FROZEN, frozen);
    setField(t, ws.RENEWED, renewed ? 1 : 0);

    const clsActive = load<f32>(remainders) > spent;
    const left = applyBlock(t, saving, steps);
    applications += active;
    stepsRun = t + 1;
    readCls(hOut, t, clsActive);
    if (left == 0 || t + 1 == layers) break;
    if (!exitMode()) {
      hIn = noisyCopy(hOut, map, active, t + 1);
      continue;
    }
    if (early && !(load<f32>(remainders) > spent)) break;
    const carried = renewed ? 0 : frozen;
    if (left == active && carried == 0) {
      hIn = noisyCopy(hOut, map, active, t + 1);
      frozen = 0;
      from = 0;
      continue;
    }
    const halted = carried + active - left;
    const places = tilesOf(left) + tilesOf(halted);
    const next = saving ? take(<usize>places * ws.stateStride) : otherBuffer(buffers, bufferBytes, hIn, hOut);
    const nextMap = saving ? take(<usize>places << 5) : (map == maps ? maps + mapBytes : maps);
    from = saving ? take(<usize>places << 5) : source;
    compact(next, nextMap, from, hIn, hOut, map, active, carried, left);
    if (stateGain() > 0) addNoise(next, nextMap, left, t + 1);
    hIn = next;
    map = nextMap;
    active = left;
    frozen = halted;
  }
  if (!halts()) memory.fill(steps, <u8>layers, n);
  const rest = load<f32>(remainders);
  for (let r: usize = 0; r < <usize>d; r++) {
    const p = ws.readout + (r << 2);
    store<f32>(p, load<f32>(p) + rest * load<f32>(ws.lastState + (r << 2)));
  }
}

/** The state as the next step's input: itself, or where noise is asked for, which is in training only, a noisy copy. */
function noisyCopy(h: usize, map: usize, active: i32, t: i32): usize {
  if (!(stateGain() > 0)) return h;
  const copy = take(<usize>tilesOf(active) * ws.stateStride);
  memory.copy(copy, h, <usize>tilesOf(active) * ws.stateStride);
  addNoise(copy, map, active, t);
  return copy;
}

function addNoise(h: usize, map: usize, active: i32, t: i32): void {
  for (let tile = 0; tile < tilesOf(active); tile++) {
    noiseForward(
      h + <usize>tile * ws.stateStride, ws.mask, map + (<usize>tile << 5), dropoutKey, t, stateGain(),
      min(8, active - (tile << 3)),
    );
  }
}

/** A buffer that is neither `one` nor `two`. */
function otherBuffer(buffers: usize, bytes: usize, one: usize, two: usize): usize {
  let buffer = buffers;
  while (buffer == one || buffer == two) buffer += bytes;
  return buffer;
}

function embed(h: usize, map: usize): void {
  const tiles = tilesOf(tokens);
  for (let i = 0; i < tiles * 8; i++) store<u32>(map + (<usize>i << 2), i < tokens ? i : 0);
  for (let tile = 0; tile < tiles; tile++) {
    const state = h + <usize>tile * ws.stateStride;
    embedTile(state, map, tile);
    if (!(embeddingGain() > 0)) continue;
    const lanes = min(8, tokens - (tile << 3));
    noiseForward(state, ws.mask, map + (<usize>tile << 5), dropoutKey, 0, embeddingGain(), lanes);
  }
}

/** h⁰ of one tile, before any noise. */
export function embedTile(h: usize, map: usize, tile: i32): void {
  const first = tile << 3;
  embeddingForward(
    h, ids + (<usize>first << 2), min(8, tokens - first), first, ws.mask, map + (<usize>tile << 5), dropoutKey,
  );
}

/** Assignments of `count` tokens from `h` on, added to `sums`; kept at `saved` unless that is 0. */
function assign(h: usize, saved: usize, count: i32, sums: usize, entropy: bool): void {
  const tiles = tilesOf(count);
  for (let first = 0; first < tiles; first += CHUNK) {
    const size = min(CHUNK, tiles - first);
    const a = saved ? saved + <usize>first * ws.assignmentStride : ws.assignment;
    for (let i = 0; i < size; i++) {
      const tile = first + i;
      const lanes = min(8, count - (tile << 3));
      const rows = a + <usize>i * ws.assignmentStride;
      assignmentForward(
        rows, ws.kv + <usize>i * ws.keyValueStride, ws.z, ws.x, h + <usize>tile * ws.stateStride, lanes,
      );
      if (entropy) entropySum += <f64>entropyForward(rows);
    }
    sumsAdd(sums, a, ws.assignmentStride, ws.kv, ws.keyValueStride, size);
  }
}

/** One application of the block to the active tokens of step t; returns how many are active afterwards. */
function applyBlock(t: i32, saving: bool, steps: usize): i32 {
  const active = <i32>field(t, ws.ACTIVE);
  const dropping = dropoutThreshold() != 0;
  const rows = dModel();
  const scores = probabilities + <usize>t * probabilityStride;
  const halting = halts();
  let left = halting ? 0 : active;
  for (let tile = 0; tile < tilesOf(active); tile++) {
    const place = saving ? <usize>tile : 0;
    const shift = <usize>tile * ws.stateStride;
    const h = field(t, ws.HIN) + shift, hOut = field(t, ws.HOUT) + shift;
    const mid = field(t, ws.HMID) + place * ws.stateStride;
    const map = field(t, ws.MAP) + (<usize>tile << 5);
    centerNormForward(ws.x, h, packedGamma1(), packedBeta1());
    attentionForward(
      ws.branch, field(t, ws.ATT) + place * ws.roundedStride, field(t, ws.WEIGHTS) + place * ws.assignmentStride, ws.q,
      ws.x, field(t, ws.BINS), ws.dropped, ws.mask, map, dropoutKey, t,
    );
    if (dropping) dropBranch(SITE_ATTENTION_OUTPUT, map, t);
    residual(mid, h, ws.branch, rows);
    centerNormForward(ws.y, mid, packedGamma2(), packedBeta2());
    ffnForward(ws.branch, ws.y, ws.hidden, ws.mask, map, dropoutKey, t, 0);
    if (dropping) dropBranch(SITE_FFN_OUTPUT, map, t);
    residual(hOut, mid, ws.branch, rows);
    if (!halting) continue;
    left += haltingForward(hOut, scores, remainders, steps, map, min(8, active - (tile << 3)), t, ws.score);
  }
  return left;
}

// @ts-ignore: decorator
@inline
function dropBranch(site: i32, map: usize, t: i32): void {
  dropoutMask(ws.mask, map, dropoutKey, site, t, dModel());
  applyMask(ws.branch, ws.mask, dModel());
}

/** target ← base + α·branch, `rows` rows; the rows up to a multiple of four are set as well (zero). */
// @ts-ignore: decorator
@inline
function residual(target: usize, base: usize, branch: usize, rows: i32): void {
  const alpha = f32x4.splat(alphaRes());
  const size = ((<usize>rows + 3) & ~3) << 5;
  for (let p: usize = 0; p < size; p += 16) {
    v128.store(target + p, madd(alpha, v128.load(branch + p), v128.load(base + p)));
  }
}

/** y ← y + p_t·h⁺ of [CLS], and its last state. */
function readCls(hOut: usize, t: i32, active: bool): void {
  if (exitMode() && !active) return;
  const p = active ? load<f32>(probabilities + <usize>t * probabilityStride) : 0;
  for (let r: usize = 0; r < <usize>dModel(); r++) {
    const value = load<f32>(hOut + (r << 5));
    const at = ws.readout + (r << 2);
    store<f32>(at, load<f32>(at) + p * value);
    store<f32>(ws.lastState + (r << 2), value);
  }
}

/** Moves active tokens to the front of `next` and halted ones, `carried` from before first, behind them. */
function compact(
  next: usize, nextMap: usize, from: usize, hIn: usize, hOut: usize, map: usize, active: i32, carried: i32, left: i32,
): void {
  const tilesActive = tilesOf(active), behind = tilesOf(left) << 3, spent = haltRemainder();
  const places = behind + (tilesOf(carried + active - left) << 3);
  memory.fill(next, 0, <usize>(places >> 3) * ws.stateStride);
  for (let i = 0; i < places; i++) {
    store<u32>(nextMap + (<usize>i << 2), 0);
    store<u32>(from + (<usize>i << 2), NOWHERE);
  }
  let front = 0, back = behind;
  for (let i = 0; i < carried; i++) {
    moveToken(next, nextMap, from, back++, hIn, map, (tilesActive << 3) + i);
  }
  for (let i = 0; i < active; i++) {
    const token = load<u32>(map + (<usize>i << 2));
    if (load<f32>(remainders + (<usize>token << 2)) > spent) moveToken(next, nextMap, from, front++, hOut, map, i);
    else moveToken(next, nextMap, from, back++, hOut, map, i);
  }
}

// @ts-ignore: decorator
@inline
function moveToken(next: usize, nextMap: usize, from: usize, to: i32, h: usize, map: usize, place: i32): void {
  store<u32>(nextMap + (<usize>to << 2), load<u32>(map + (<usize>place << 2)));
  store<u32>(from + (<usize>to << 2), place);
  moveLane(next, to, h, place, dModel());
}

/** Copies the rows of one token from place `place` of `h` to place `to` of `next`. */
// @ts-ignore: decorator
@inline
export function moveLane(next: usize, to: i32, h: usize, place: i32, rows: i32): void {
  const target = next + <usize>(to >> 3) * ws.stateStride + (<usize>(to & 7) << 2);
  const origin = h + <usize>(place >> 3) * ws.stateStride + (<usize>(place & 7) << 2);
  for (let r: usize = 0; r < <usize>rows; r++) store<f32>(target + (r << 5), load<f32>(origin + (r << 5)));
}
