// Vector mathematics on four floats. Constants live in memory at constant addresses: V8 would build a `v128.const`
// anew at each use. Error bounds: exp 2 ulp, logarithm 2 ulp, normal distribution 2e-7 absolute.

const EXP = memory.data<f32>([
  1.4426950408889634, 12582912.0, 0.693359375, -2.12194440e-4, // log2 e, 1.5·2²³, ln 2 in two parts
  0.008312503807246685, 0.04189033433794975, 0.16667115688323975, 0.499992311000824, 1.0, -87.0, 88.0,
]);

// Φ(x) = ½ + x·P(s), s = 2x²/5.2² − 1, |x| cut at 5.2: least largest absolute error of Φ, degree 13.
const PHI = memory.data<f32>([
  5.2, -5.2, 0.07396449704142012, -1.0,
  -0.0004812349798157811, 0.001268494175747037, -0.0012216223403811455, 0.0018001688877120614,
  -0.004788888618350029, 0.008559920825064182, -0.01250520534813404, 0.017954809591174126,
  -0.024723606184124947, 0.03198995441198349, -0.0399298220872879, 0.050024520605802536,
  -0.06774366647005081, 0.1359499990940094, 0.5,
]);

const LOG = memory.data<f32>([
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -2.12194440e-4, -0.5, 0.693359375, 0.707106781186547524, 1.0,
]);

const DENSITY = memory.data<f32>([-0.5, 0.3989422804014327]);

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

/** e^x for x ≤ 88; x below −87 counts as −87. A NaN stays one. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.pmax(x, constant(EXP, 9));
  const shifted = madd(x, constant(EXP, 0), constant(EXP, 1));
  const n = f32x4.sub(shifted, constant(EXP, 1));
  let r = f32x4.sub(x, f32x4.mul(n, constant(EXP, 2)));
  r = f32x4.sub(r, f32x4.mul(n, constant(EXP, 3)));
  let p = madd(constant(EXP, 4), r, constant(EXP, 5));
  p = madd(p, r, constant(EXP, 6));
  p = madd(p, r, constant(EXP, 7));
  p = madd(p, r, constant(EXP, 8));
  p = madd(p, r, constant(EXP, 8));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** Φ(x), the standard normal distribution function. */
// @ts-ignore: decorator
@inline
export function normalDistribution(x: v128): v128 {
  const cut = f32x4.pmin(f32x4.pmax(x, constant(PHI, 1)), constant(PHI, 0));
  const s = madd(f32x4.mul(cut, cut), constant(PHI, 2), constant(PHI, 3));
  let p = madd(constant(PHI, 4), s, constant(PHI, 5));
  p = madd(p, s, constant(PHI, 6));
  p = madd(p, s, constant(PHI, 7));
  p = madd(p, s, constant(PHI, 8));
  p = madd(p, s, constant(PHI, 9));
  p = madd(p, s, constant(PHI, 10));
  p = madd(p, s, constant(PHI, 11));
  p = madd(p, s, constant(PHI, 12));
  p = madd(p, s, constant(PHI, 13));
  p = madd(p, s, constant(PHI, 14));
  p = madd(p, s, constant(PHI, 15));
  p = madd(p, s, constant(PHI, 16));
  p = madd(p, s, constant(PHI, 17));
  return madd(p, cut, constant(PHI, 18));
}

/** φ(x), the standard normal density. */
// @ts-ignore: decorator
@inline
export function normalDensity(x: v128): v128 {
  return f32x4.mul(exp(f32x4.mul(f32x4.mul(x, x), constant(DENSITY, 0))), constant(DENSITY, 1));
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
