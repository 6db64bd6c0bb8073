// HQSA's bins (spec §1): keys → latent → soft assignment a to the head's prototypes → bin masses, keys and values.
//
// Per tile:  kv [8·dGroups][8] (keys from row 0, values from row 4·dGroups), z [8·H][8], a [H·4·binGroups][8].
// Sums, per head:      m [4·binGroups], ΣaK and ΣaV [binGroups][dh][4].
// Bins, per head:      1/(m + 1e-6) [4·binGroups], K/√dh and V [binGroups][dh][4], and both transposed [headGroups][B][4].
// Gradient, per head:  ∂m [4·binGroups], ∂ΣaK and ∂ΣaV [binGroups][dh][4], and both transposed [headGroups][B][4].
// Rows of bins beyond B hold zeros.

import {
  binGroups, dGroups, dModel, entropyWeight, headDim, headGroups, numBins, numHeads, packedBeta1, packedBin,
  packedGamma1, packedKeyValue, packedKeyValueBias, packedPrototypes, scoreScale, slotBin, slotKeyValue,
  slotKeyValueBias, slotPrototypes, slotTau, tauFactors, transposedBin, transposedKeyValue, transposedPrototypes,
} from "../header.as";
import { logarithm, sumOfLanes } from "../simd/math.as";
import { outerAdd, rowSumsAdd, tileProduct, tileProductAdd } from "../simd/matmul.as";
import { centerNormForward } from "./centernorm.as";
import { softmaxBackward, softmaxForward } from "./softmax.as";

const LATENT: i32 = 8;
const LATENT_BYTES: usize = 8 << 5;

/** Bytes of one head's rows in an assignment. */
// @ts-ignore: decorator
@inline
export function assignmentHeadBytes(): usize {
  return <usize>binGroups() << 7;
}

/** Bytes of one head's packed keys or values [binGroups][dh][4]. */
// @ts-ignore: decorator
@inline
export function packedHeadBytes(): usize {
  return <usize>(binGroups() * headDim()) << 4;
}

// @ts-ignore: decorator
@inline
function transposedHeadBytes(): usize {
  return <usize>(headGroups() * numBins()) << 4;
}

// @ts-ignore: decorator
@inline
function massBytes(): usize {
  return <usize>binGroups() << 4;
}

/** Bytes of all heads' sums. */
export function sumsBytes(): usize {
  return <usize>numHeads() * (massBytes() + 2 * packedHeadBytes());
}

/** Bytes of all heads' bins, and of all heads' gradient. */
export function binsBytes(): usize {
  return <usize>numHeads() * (massBytes() + 2 * packedHeadBytes() + 2 * transposedHeadBytes());
}

// @ts-ignore: decorator
@inline
export function headOfBins(bins: usize, head: i32): usize {
  return bins + <usize>head * (massBytes() + 2 * packedHeadBytes() + 2 * transposedHeadBytes());
}

// @ts-ignore: decorator
@inline
export function binKeys(headBins: usize): usize {
  return headBins + massBytes();
}

// @ts-ignore: decorator
@inline
export function binValues(headBins: usize): usize {
  return headBins + massBytes() + packedHeadBytes();
}

// @ts-ignore: decorator
@inline
export function binKeysTransposed(headBins: usize): usize {
  return headBins + massBytes() + 2 * packedHeadBytes();
}

// @ts-ignore: decorator
@inline
export function binValuesTransposed(headBins: usize): usize {
  return headBins + massBytes() + 2 * packedHeadBytes() + transposedHeadBytes();
}

/** Keys, values, latents and assignments of one tile; assignments of lanes from `lanes` on are zero. */
export function assignmentForward(a: usize, kv: usize, z: usize, x: usize, h: usize, lanes: i32): void {
  keysAndLatents(kv, z, x, h);
  const headBytes = assignmentHeadBytes();
  for (let head = 0; head < numHeads(); head++) {
    const rows = a + <usize>head * headBytes;
    tileProduct(
      rows, z + <usize>head * LATENT_BYTES, packedPrototypes() + <usize>(head * binGroups() * LATENT << 4), 0, LATENT,
      binGroups(),
    );
    softmaxForward(rows, numBins());
    if (lanes < 8) clearLanes(rows, numBins(), lanes);
  }
}

function keysAndLatents(kv: usize, z: usize, x: usize, h: usize): void {
  centerNormForward(x, h, packedGamma1(), packedBeta1());
  tileProduct(kv, x, packedKeyValue(), packedKeyValueBias(), dModel(), 2 * dGroups());
  for (let head = 0; head < numHeads(); head++) {
    const keys = kv + (<usize>(head * headDim()) << 5);
    tileProduct(z + <usize>head * LATENT_BYTES, keys, packedBin(), 0, headDim(), LATENT / 4);
  }
}

/** Zeros the lanes from `lanes` on in `rows` rows. */
function clearLanes(p: usize, rows: i32, lanes: i32): void {
  const end = p + (<usize>rows << 5);
  for (; p < end; p += 32) {
    for (let lane = lanes; lane < 8; lane++) store<f32>(p + (<usize>lane << 2), 0);
  }
}

/** sums ← sums + this chunk's masses and weighted keys and values; strides are bytes from tile to tile. */
export function sumsAdd(sums: usize, a: usize, aStride: usize, kv: usize, kvStride: usize, tiles: i32): void {
  const headBytes = assignmentHeadBytes();
  const values = kv + (<usize>dGroups() << 7);
  for (let head = 0; head < numHeads(); head++) {
    const rows = a + <usize>head * headBytes;
    const features = <usize>(head * headDim()) << 5;
    rowSumsAdd(sums, rows, aStride, binGroups(), tiles);
    sums += massBytes();
    outerAdd(sums, rows, aStride, binGroups(), kv + features, kvStride, headDim(), tiles);
    sums += packedHeadBytes();
    outerAdd(sums, rows, aStride, binGroups(), values + features, kvStride, headDim(), tiles);
    sums += packedHeadBytes();
  }
}

/** bins from the sums of active and frozen tokens. */
export function binsForward(bins: usize, active: usize, frozen: usize): void {
  const dh = headDim();
  const scale = f32x4.splat(scoreScale());
  memory.fill(bins, 0, binsBytes());
  const valueShift = packedHeadBytes();
  for (let head = 0; head < numHeads(); head++) {
    const headBins = headOfBins(bins, head);
    const keys = binKeys(headBins), values = binValues(headBins);
    let at: usize = massBytes();
    for (let g: usize = 0; g < <usize>binGroups(); g++) {
      const mass = f32x4.add(v128.load(active + (g << 4)), v128.load(frozen + (g << 4)));
      const inverse = f32x4.div(f32x4.splat(1), f32x4.add(mass, f32x4.splat(1e-6)));
      v128.store(headBins + (g << 4), inverse);
      for (let j = 0; j < dh; j++) {
        const p = at - massBytes();
        const key = f32x4.add(v128.load(active + at), v128.load(frozen + at));
        const value = f32x4.add(v128.load(active + at + valueShift), v128.load(frozen + at + valueShift));
        v128.store(keys + p, f32x4.mul(f32x4.mul(key, inverse), scale));
        v128.store(values + p, f32x4.mul(value, inverse));
        at += 16;
      }
    }
    transpose(binKeysTransposed(headBins), keys);
    transpose(binValuesTransposed(headBins), values);
    active += massBytes() + 2 * packedHeadBytes();
    frozen += massBytes() + 2 * packedHeadBytes();
  }
}

/** [headGroups][B][4] ← [binGroups][dh][4]; the target's features beyond dh stay as they are (zero). */
function transpose(target: usize, source: usize): void {
  const dh = headDim(), bins = numBins();
  for (let j = 0; j < dh; j++) {
    const to = target + (<usize>((j >> 2) * bins) << 4) + (<usize>(j & 3) << 2);
    for (let b = 0; b < bins; b++) {
      const value = load<f32>(source + (<usize>((b >> 2) * dh + j) << 4) + (<usize>(b & 3) << 2));
      store<f32>(to + (<usize>b << 4), value);
    }
  }
}

/**
 * Gradient of the sums from dKeys (of K/√dh) and dValues [H][binGroups][dh][4], which lie one head's keys, then its
 * values. `total` grows by it: the gradient that a token frozen by now has from this and all later renewals.
 */
export function binsBackward(gradient: usize, total: usize, dBins: usize, bins: usize): void {
  const dh = headDim();
  const scale = f32x4.splat(scoreScale());
  memory.fill(gradient, 0, binsBytes());
  for (let head = 0; head < numHeads(); head++) {
    const headBins = headOfBins(bins, head), own = headOfBins(gradient, head), sum = headOfBins(total, head);
    const keys = binKeys(headBins), values = binValues(headBins);
    const dKeys = dBins, dValues = dBins + packedHeadBytes();
    let p: usize = 0;
    for (let g: usize = 0; g < <usize>binGroups(); g++) {
      const inverse = v128.load(headBins + (g << 4));
      let dot = f32x4.splat(0);
      for (let j = 0; j < dh; j++) {
        const dKey = v128.load(dKeys + p), dValue = v128.load(dValues + p);
        dot = f32x4.add(dot, f32x4.mul(dKey, v128.load(keys + p)));
        dot = f32x4.add(dot, f32x4.mul(dValue, v128.load(values + p)));
        const ownKey = f32x4.mul(f32x4.mul(dKey, inverse), scale), ownValue = f32x4.mul(dValue, inverse);
        v128.store(binKeys(own) + p, ownKey);
        v128.store(binValues(own) + p, ownValue);
        v128.store(binKeys(sum) + p, f32x4.add(v128.load(binKeys(sum) + p), ownKey));
        v128.store(binValues(sum) + p, f32x4.add(v128.load(binValues(sum) + p), ownValue));
        p += 16;
      }
      const dMass = f32x4.neg(f32x4.mul(dot, inverse));
      v128.store(own + (g << 4), dMass);
      v128.store(sum + (g << 4), f32x4.add(v128.load(sum + (g << 4)), dMass));
    }
    transpose(binKeysTransposed(own), binKeys(own));
    transpose(binValuesTransposed(own), binValues(own));
    transpose(binKeysTransposed(sum), binKeys(sum));
    transpose(binValuesTransposed(sum), binValues(sum));
    dBins += 2 * packedHeadBytes();
  }
}

/**
 * Backward of one tile from the gradient of the sums: ds (of the assignment's logits), dz, dkv; dx ← dx + its share
 * (lanes whose a is zero give none);
 * the slot's ∂log τ grows. `first` adds the entropy loss of the first step. Saved: a; kv, z, x are made again.
 */
export function assignmentBackward(
  slot: usize, dx: usize, ds: usize, dz: usize, dkv: usize, kv: usize, z: usize, x: usize, a: usize, h: usize,
  gradient: usize, first: bool,
): void {
  keysAndLatents(kv, z, x, h);
  const dh = headDim(), bins = numBins(), headBytes = assignmentHeadBytes();
  const values = <usize>dGroups() << 7;
  for (let head = 0; head < numHeads(); head++) {
    const headGradient = headOfBins(gradient, head);
    const features = <usize>(head * dh) << 5;
    const rows = a + <usize>head * headBytes, dRows = ds + <usize>head * headBytes;
    tileProduct(dRows, kv + features, binKeys(headGradient), headGradient, dh, binGroups());
    tileProductAdd(dRows, kv + values + features, binValues(headGradient), dh, binGroups());
    if (first) entropyBackward(dRows, rows, bins);
    softmaxBackward(dRows, rows, bins);
    const latent = z + <usize>head * LATENT_BYTES, dLatent = dz + <usize>head * LATENT_BYTES;
    tileProduct(dLatent, dRows, transposedPrototypes() + <usize>(head * bins * LATENT << 2), 0, bins, LATENT / 4);
    temperatureBackward(slot, latent, dLatent, head);
    const dKeys = dkv + features;
    tileProduct(dKeys, rows, binKeysTransposed(headGradient), 0, bins, headGroups());
    tileProductAdd(dKeys, dLatent, transposedBin(), LATENT, headGroups());
  }
  // After all keys: the rows that round a head up to four would fall on the first values.
  for (let head = 0; head < numHeads(); head++) {
    const rows = a + <usize>head * headBytes;
    const headGradient = headOfBins(gradient, head);
    tileProduct(
      dkv + values + (<usize>(head * dh) << 5), rows, binValuesTransposed(headGradient), 0, bins, headGroups(),
    );
  }
  tileProductAdd(dx, dkv, transposedKeyValue(), 8 * dGroups(), dGroups());
}

/** Σ_b a log a of one tile over all heads (log clamped at 1e-9), summed over its lanes; empty lanes hold zeros and add none. */
export function entropyForward(a: usize): f32 {
  const floor = f32x4.splat(1e-9);
  let sum0 = f32x4.splat(0), sum1 = sum0;
  for (let head = 0; head < numHeads(); head++) {
    const rows = a + <usize>head * assignmentHeadBytes();
    const end = rows + (<usize>numBins() << 5);
    for (let p = rows; p < end; p += 32) {
      const a0 = v128.load(p), a1 = v128.load(p, 16);
      sum0 = f32x4.add(sum0, f32x4.mul(a0, logarithm(f32x4.pmax(a0, floor))));
      sum1 = f32x4.add(sum1, f32x4.mul(a1, logarithm(f32x4.pmax(a1, floor))));
    }
  }
  return sumOfLanes(sum0) + sumOfLanes(sum1);
}

function entropyBackward(da: usize, a: usize, bins: i32): void {
  const floor = f32x4.splat(1e-9), one = f32x4.splat(1), weight = f32x4.splat(entropyWeight());
  const size = <usize>bins << 5;
  for (let p: usize = 0; p < size; p += 16) {
    const value = v128.load(a + p);
    const slope = f32x4.add(logarithm(f32x4.pmax(value, floor)), v128.and(one, f32x4.ge(value, floor)));
    v128.store(da + p, f32x4.add(v128.load(da + p), f32x4.mul(slope, weight)));
  }
}

/** ∂log τ: the logits' sensitivity to the temperature is −c·τ times the logits, and Σ ds·s = z·dz. */
function temperatureBackward(slot: usize, z: usize, dz: usize, head: i32): void {
  let dot = f32x4.splat(0);
  for (let p: usize = 0; p < LATENT_BYTES; p += 16) {
    dot = f32x4.add(dot, f32x4.mul(v128.load(z + p), v128.load(dz + p)));
  }
  const at = slot + slotTau() + (<usize>head << 2);
  store<f32>(at, load<f32>(at) + sumOfLanes(dot) * load<f32>(tauFactors() + (<usize>head << 2)));
}

/** The slot's ∂prototypes (still without 1/τ), ∂W_bin, ∂W_k, ∂W_v and biases grow by a chunk of tiles. */
export function assignmentWeightGradients(
  slot: usize, ds: usize, dsStride: usize, z: usize, dz: usize, zStride: usize, kv: usize, dkv: usize, kvStride: usize,
  x: usize, xStride: usize, tiles: i32,
): void {
  for (let head = 0; head < numHeads(); head++) {
    const latent = <usize>head * LATENT_BYTES;
    outerAdd(
      slot + slotPrototypes() + <usize>(head * binGroups() * LATENT << 4), ds + <usize>head * assignmentHeadBytes(),
      dsStride, binGroups(), z + latent, zStride, LATENT, tiles,
    );
    outerAdd(
      slot + slotBin(), dz + latent, zStride, LATENT / 4, kv + (<usize>(head * headDim()) << 5), kvStride, headDim(),
      tiles,
    );
  }
  outerAdd(slot + slotKeyValue(), dkv, kvStride, 2 * dGroups(), x, xStride, dModel(), tiles);
  rowSumsAdd(slot + slotKeyValueBias(), dkv, kvStride, 2 * dGroups(), tiles);
}
