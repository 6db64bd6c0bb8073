// Where one thread keeps a sequence: scratch of a fixed size, then the history of the sequence's steps.
//
// Scratch holds a chunk of CHUNK tiles, so that a chunk's intermediate values stay in the first-level cache between the
// per-token and the per-weight half of the backward pass.

import {
  binGroups, dGroups, ffnGroups, numBins, numClasses, numHeads, stepLimit,
} from "../header.as";
import { openArena, take, taken, tilesOf } from "../simd/arena.as";
import { binsBytes, packedHeadBytes, sumsBytes } from "./bins.as";

export { take, tilesOf };

export const CHUNK: i32 = 4;

/** Bytes of one tile's state, and of its rows that round heads up to four. */
export let stateStride: usize = 0;
export let roundedStride: usize = 0;
export let keyValueStride: usize = 0;
export let latentStride: usize = 0;
export let assignmentStride: usize = 0;
export let hiddenStride: usize = 0;

export let x: usize = 0;
export let kv: usize = 0;
export let dkv: usize = 0;
export let z: usize = 0;
export let dz: usize = 0;
export let q: usize = 0;
export let dq: usize = 0;
export let att: usize = 0;
export let dAtt: usize = 0;
export let assignment: usize = 0;
export let ds: usize = 0;
export let dropped: usize = 0;
export let y: usize = 0;
export let dy: usize = 0;
export let branch: usize = 0;
export let mid: usize = 0;
export let hidden: usize = 0;
export let dPre: usize = 0;
export let mask: usize = 0;
export let score: usize = 0;
export let activeSums: usize = 0;
export let frozenSums: usize = 0;
export let bins: usize = 0;
export let dBins: usize = 0;
export let binGradient: usize = 0;
export let binGradientTotal: usize = 0;
export let readout: usize = 0;
export let lastState: usize = 0;
export let dReadout: usize = 0;
export let logits: usize = 0;
export let dStep: usize = 0;
export let clsWeights: usize = 0;
export let remainderRows: usize = 0;
export let stepTable: usize = 0;

/** Fields of a step's record, u32 words. */
export const HIN: i32 = 0;
export const HOUT: i32 = 1;
export const HMID: i32 = 2;
export const ATT: i32 = 3;
export const ASSIGNMENT: i32 = 4;
export const WEIGHTS: i32 = 5;
export const BINS: i32 = 6;
export const MAP: i32 = 7;
export const SOURCE: i32 = 8;
export const ACTIVE: i32 = 9;
export const FROZEN: i32 = 10;
export const RENEWED: i32 = 11;
const RECORD_WORDS: i32 = 12;

// @ts-ignore: decorator
@inline
export function field(step: i32, index: i32): usize {
  return load<u32>(stepTable + (<usize>(step * RECORD_WORDS + index) << 2));
}

// @ts-ignore: decorator
@inline
export function setField(step: i32, index: i32, value: usize): void {
  store<u32>(stepTable + (<usize>(step * RECORD_WORDS + index) << 2), <u32>value);
}

/** Lays out the scratch from `base` (a multiple of 64); what `take` reserves afterwards lies behind it. */
export function openWorkspace(base: usize): void {
  const heads = <usize>numHeads(), layers = <usize>stepLimit();
  stateStride = <usize>dGroups() << 7;
  roundedStride = stateStride + 128;
  keyValueStride = 2 * stateStride + 128;
  latentStride = heads << 8;
  assignmentStride = heads * (<usize>binGroups() << 7);
  hiddenStride = <usize>ffnGroups() << 7;
  openArena(base);
  x = take(CHUNK * stateStride);
  kv = take(CHUNK * keyValueStride);
  dkv = take(CHUNK * keyValueStride);
  z = take(CHUNK * latentStride);
  dz = take(CHUNK * latentStride);
  q = take(CHUNK * stateStride);
  dq = take(CHUNK * roundedStride);
  att = take(roundedStride);
  dAtt = take(CHUNK * stateStride);
  assignment = take(CHUNK * assignmentStride);
  ds = take(CHUNK * assignmentStride);
  dropped = take(CHUNK * assignmentStride);
  y = take(CHUNK * stateStride);
  dy = take(stateStride);
  branch = take(CHUNK * stateStride);
  mid = take(stateStride);
  hidden = take(CHUNK * hiddenStride);
  dPre = take(CHUNK * hiddenStride);
  mask = take(max(max(hiddenStride, stateStride), (<usize>(numHeads() * numBins()) << 5)) + 512);
  score = take(32);
  activeSums = take(sumsBytes());
  frozenSums = take(sumsBytes());
  bins = take(binsBytes());
  dBins = take(2 * heads * packedHeadBytes());
  binGradient = take(binsBytes());
  binGradientTotal = take(binsBytes());
  readout = take(stateStride);
  lastState = take(stateStride);
  dReadout = take(stateStride);
  logits = take(<usize>numClasses() << 2);
  dStep = take(layers << 2);
  clsWeights = take(layers << 2);
  remainderRows = take(layers << 4);
  stepTable = take(layers * (RECORD_WORDS << 2));
}

/**
 * Bytes that a thread needs for a sequence of n tokens, `saving` its steps for the backward pass or not: a double,
 * because a sequence that is too long may want more than 32 bits can say.
 */
export function workspaceBytes(n: i32, saving: bool): f64 {
  openWorkspace(0);
  // Active and frozen tokens each start a tile of their own.
  const tiles = <f64>tilesOf(n) + 2, layers = <f64>stepLimit(), state = <f64>stateStride, slack: f64 = 64;
  const perTile = 3 * state + <f64>roundedStride + 2 * <f64>assignmentStride + 64;
  const perStep = tiles * perTile + <f64>binsBytes() + 8 * slack;
  const states = saving ? layers * perStep : tiles * (3 * state + 3 * 32) + 8 * slack;
  const tokenRows = (layers + 1) * (tiles * 32 + slack) + tiles * 8 + slack;
  return <f64>taken() + states + tokenRows + 3 * (tiles * state + slack) + slack;
}
