// Vector mathematics on four floats. Constants live in memory at constant addresses: V8 would build a `v128.const`
// anew at each use. Few chains fit the processor's queues, so that a short chain beats few operations: Φ by two short
// polynomials and a division is faster here than by one long polynomial.
//
// Error bounds, from the approximation (exp 1.1e-7, Φ 7.5e-8, logarithm 4e-9) and a rounding of 2⁻²⁴ an operation: exp
// 4 ulp, logarithm 2 ulp; absolute: exponential of softmax 2.5e-7, Φ 5e-7, GELU 5e-7·|x|, its slope 7e-7 for |x| ≤ 1e31.

const EXP = memory.data<f32>([
  1.4426950408889634, 12582912.0, 0.693359375, -2.12194440e-4, // log2 e, 1.5·2²³, ln 2 in two parts
  0.008312503807246685, 0.04189033433794975, 0.16667115688323975, 0.499992311000824, 1.0, 1.0, -87.0, 88.0,
]);

// 2^x for |x| ≤ ½ (least largest relative error, degree 5), and what brings an argument there.
const EXP2 = memory.data<f32>([
  1.4426950408889634, 12582912.0, -126.0, // log2 e, 1.5·2²³, least exponent
  0.0013264586450532079, 0.009671619161963463, 0.0555073507130146, 0.24022240936756134, 0.6931470036506653, 1.0,
]);

// Φ(−z) = φ(z)·t·P(t)·√(2π), t = 1/(1 + p·z): Abramowitz and Stegun 7.1.26, error of Φ at most 7.5e-8.
const PHI = memory.data<f32>([
  -0.7213475204444817, 0.2316418882, 1.0, // −½·log2 e, p/√2
  0.5307027145, -0.7265760135, 0.7107068705, -0.142248368, 0.127414796, 0.3989422804014327,
]);

const LOG = memory.data<f32>([
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -2.12194440e-4, -0.5, 0.693359375, 0.707106781186547524, 1.0,
]);

// @ts-ignore: decorator
@inline
function constant(table: usize, index: usize): v128 {
  return v128.load32_splat(table + 4 * index);
}

/** a·b + c; rounded once where the build and the processor allow it. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** [Σa, Σb, Σc, Σd]. */
// @ts-ignore: decorator
@inline
export function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Σ of the four lanes. */
// @ts-ignore: decorator
@inline
export function sumOfLanes(a: v128): f32 {
  const pairs = f32x4.add(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.add(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** e^x; x below −87 counts as −87 and above 88 as 88. A NaN stays one. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, constant(EXP, 10)), constant(EXP, 11));
  const shifted = madd(x, constant(EXP, 0), constant(EXP, 1));
  const n = f32x4.sub(shifted, constant(EXP, 1));
  let r = f32x4.sub(x, f32x4.mul(n, constant(EXP, 2)));
  r = f32x4.sub(r, f32x4.mul(n, constant(EXP, 3)));
  let p = madd(constant(EXP, 4), r, constant(EXP, 5));
  p = madd(p, r, constant(EXP, 6));
  p = madd(p, r, constant(EXP, 7));
  p = madd(p, r, constant(EXP, 8));
  p = madd(p, r, constant(EXP, 9));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** 2^x; x below −126 counts as −126. For arguments whose own rounding does not matter. */
// @ts-ignore: decorator
@inline
export function exp2(x: v128): v128 {
  x = f32x4.pmax(x, constant(EXP2, 2));
  const shifted = f32x4.add(x, constant(EXP2, 1));
  const r = f32x4.sub(x, f32x4.sub(shifted, constant(EXP2, 1)));
  let p = madd(constant(EXP2, 3), r, constant(EXP2, 4));
  p = madd(p, r, constant(EXP2, 5));
  p = madd(p, r, constant(EXP2, 6));
  p = madd(p, r, constant(EXP2, 7));
  p = madd(p, r, constant(EXP2, 8));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/**
 * The four vectors from `target` on ← 2^x of a, b, c, d. As many chains as registers hold, so that each constant is loaded
 * once for all four.
 */
// @ts-ignore: decorator
@inline
export function storeExp2(target: usize, a: v128, b: v128, c: v128, d: v128): void {
  const least = constant(EXP2, 2);
  a = f32x4.pmax(a, least);
  b = f32x4.pmax(b, least);
  c = f32x4.pmax(c, least);
  d = f32x4.pmax(d, least);
  const shift = constant(EXP2, 1);
  const i = f32x4.add(a, shift), j = f32x4.add(b, shift), k = f32x4.add(c, shift), l = f32x4.add(d, shift);
  a = f32x4.sub(a, f32x4.sub(i, shift));
  b = f32x4.sub(b, f32x4.sub(j, shift));
  c = f32x4.sub(c, f32x4.sub(k, shift));
  d = f32x4.sub(d, f32x4.sub(l, shift));
  const c5 = constant(EXP2, 3), c4 = constant(EXP2, 4);
  let p = madd(c5, a, c4), q = madd(c5, b, c4), r = madd(c5, c, c4), s = madd(c5, d, c4);
  const c3 = constant(EXP2, 5);
  p = madd(p, a, c3);
  q = madd(q, b, c3);
  r = madd(r, c, c3);
  s = madd(s, d, c3);
  const c2 = constant(EXP2, 6);
  p = madd(p, a, c2);
  q = madd(q, b, c2);
  r = madd(r, c, c2);
  s = madd(s, d, c2);
  const c1 = constant(EXP2, 7);
  p = madd(p, a, c1);
  q = madd(q, b, c1);
  r = madd(r, c, c1);
  s = madd(s, d, c1);
  const c0 = constant(EXP2, 8);
  v128.store(target, i32x4.add(madd(p, a, c0), i32x4.shl(i, 23)));
  v128.store(target, i32x4.add(madd(q, b, c0), i32x4.shl(j, 23)), 16);
  v128.store(target, i32x4.add(madd(r, c, c0), i32x4.shl(k, 23)), 32);
  v128.store(target, i32x4.add(madd(s, d, c0), i32x4.shl(l, 23)), 48);
}

/** e^x for x ≤ 0, absolute error 2.5e-7. */
// @ts-ignore: decorator
@inline
export function expOfNegative(x: v128): v128 {
  return exp2(f32x4.mul(x, constant(EXP2, 0)));
}

/** e^(−x²/2). */
// @ts-ignore: decorator
@inline
export function bell(x: v128): v128 {
  return exp2(f32x4.mul(f32x4.mul(x, x), constant(PHI, 0)));
}

/** Φ(−|x|), with `density` = e^(−x²/2). */
// @ts-ignore: decorator
@inline
export function normalTail(x: v128, density: v128): v128 {
  const t = f32x4.div(constant(PHI, 2), madd(f32x4.abs(x), constant(PHI, 1), constant(PHI, 2)));
  let p = madd(constant(PHI, 3), t, constant(PHI, 4));
  p = madd(p, t, constant(PHI, 5));
  p = madd(p, t, constant(PHI, 6));
  p = madd(p, t, constant(PHI, 7));
  return f32x4.mul(f32x4.mul(p, t), density);
}

/** GELU(x) = x·Φ(x) = max(x, 0) − |x|·Φ(−|x|). */
// @ts-ignore: decorator
@inline
export function gelu(x: v128, tail: v128): v128 {
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(f32x4.abs(x), tail));
}

/** GELU′(x) = Φ(x) + x·φ(x). */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128, tail: v128, density: v128): v128 {
  const distribution = v128.bitselect(tail, f32x4.sub(constant(PHI, 2), tail), i32x4.shr_s(x, 31));
  return madd(f32x4.mul(x, constant(PHI, 8)), density, distribution);
}

/** Natural logarithm of a positive normal number. */
// @ts-ignore: decorator
@inline
export function logarithm(x: v128): v128 {
  // x = m·2^e with m in [√½, √2).
  const bias = i32x4.splat(0x3f3504f3);
  const exponent = i32x4.shr_s(i32x4.sub(x, bias), 23);
  const m = f32x4.sub(i32x4.sub(x, i32x4.shl(exponent, 23)), constant(LOG, 13));
  const e = f32x4.convert_i32x4_s(exponent);
  const square = f32x4.mul(m, m);
  let p = madd(constant(LOG, 0), m, constant(LOG, 1));
  p = madd(p, m, constant(LOG, 2));
  p = madd(p, m, constant(LOG, 3));
  p = madd(p, m, constant(LOG, 4));
  p = madd(p, m, constant(LOG, 5));
  p = madd(p, m, constant(LOG, 6));
  p = madd(p, m, constant(LOG, 7));
  p = madd(p, m, constant(LOG, 8));
  p = f32x4.mul(f32x4.mul(p, m), square);
  p = madd(e, constant(LOG, 9), p);
  p = madd(square, constant(LOG, 10), p);
  return madd(e, constant(LOG, 11), f32x4.add(m, p));
}
