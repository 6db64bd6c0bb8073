import assert from "node:assert/strict";
import { erfc } from "../../src/model/reference/erf.ts";
import { gelu, geluSlope } from "../../src/model/reference/gelu.ts";
import { RandomStream } from "../../src/model/random.ts";
import { compileFunctions, FREE_ADDRESS } from "./kernel_functions.ts";

/** Each function over `count` floats from `x` on, a multiple of four. */
const EACH = (name: string, value: string) => `
export function ${name}Each(y: usize, x: usize, count: i32): void {
  for (let p: usize = 0; p < <usize>count << 2; p += 16) {
    const v = v128.load(x + p);
    v128.store(y + p, ${value});
  }
}`;

const ENTRY = `
import { bell, exp, expOfNegative, gelu, geluSlope, logarithm, normalTail } from "./simd/math.as";
${EACH("exp", "exp(v)")}
${EACH("expOfNegative", "expOfNegative(v)")}
${EACH("logarithm", "logarithm(v)")}
${EACH("bell", "bell(v)")}
${EACH("tail", "normalTail(v, bell(v))")}
${EACH("gelu", "gelu(v, normalTail(v, bell(v)))")}
${EACH("slope", "geluSlope(v, normalTail(v, bell(v)), bell(v))")}
`;

const RANDOM_POINTS = 100_000;
const LARGEST = 3.4028234663852886e38;
const LEAST_NORMAL = 2 ** -126;
const LEAST = 2 ** -149;
const SPECIAL = [0, -0, LEAST, -LEAST, LEAST_NORMAL, -LEAST_NORMAL, 1, -1, 87, -87, 88, -88, LARGEST, -LARGEST];

/** Floats from `least` to `largest`: even steps, then random mantissas at every exponent of both signs, then specials. */
function points(least: number, largest: number): Float32Array {
  const stream = new RandomStream(1, 1);
  const widest = Math.min(largest - least, 400);
  const from = Math.max(least, -200);
  const even = Array.from({ length: RANDOM_POINTS }, (_, i) => from + widest * i / RANDOM_POINTS);
  const scaled = Array.from({ length: RANDOM_POINTS }, () => {
    const sign = stream.below(2) === 0 ? -1 : 1;
    return sign * (1 + stream.uniform()) * 2 ** (stream.below(277) - 149);
  });
  const all = Float32Array.from([...even, ...scaled, ...SPECIAL]).filter((x) => x >= least && x <= largest);
  return all.subarray(0, all.length & ~3);
}

/** The distance of neighbouring float32 numbers at `x`. */
function unit(x: number): number {
  const size = Math.abs(Math.fround(x));
  return size < LEAST_NORMAL ? LEAST : 2 ** (Math.floor(Math.log2(size)) - 23);
}

for (const numerics of ["fast", "strict"] as const) {
  const functions = compileFunctions(ENTRY, numerics);

  const apply = async (name: string, x: Float32Array): Promise<Float32Array> => {
    const { memory, call } = await functions;
    const y = FREE_ADDRESS + 4 * x.length;
    new Float32Array(memory.buffer, FREE_ADDRESS, x.length).set(x);
    call(`${name}Each`, y, FREE_ADDRESS, x.length);
    return Float32Array.from(new Float32Array(memory.buffer, y, x.length));
  };

  /** Fails at the worst point where `name` is off by more than `bound` of x and the exact value. */
  const compare = async (
    name: string,
    x: Float32Array,
    exact: (x: number) => number,
    bound: (x: number, wanted: number) => number,
  ) => {
    const found = await apply(name, x);
    let worst = 0, place = 0;
    x.forEach((value, i) => {
      const wanted = exact(value);
      const share = Math.abs(found[i] - wanted) / bound(value, wanted);
      if (!(share <= worst)) {
        worst = share;
        place = i;
      }
    });
    assert(worst <= 1, `${name}(${x[place]}) is ${found[place]}, ${exact(x[place])} wanted: ${worst} of the bound`);
  };

  Deno.test(`exp is within 4 ulp from −87 to 88, and clamped beyond: ${numerics}`, async () => {
    const clamped = (x: number) => Math.exp(Math.min(88, Math.max(-87, x)));
    await compare("exp", points(-LARGEST, LARGEST), clamped, (_, wanted) => 4 * unit(wanted));
    const [low, high] = await apply("exp", Float32Array.of(-Infinity, Infinity, 0, 0));
    assert.deepEqual([low, high], [...(await apply("exp", Float32Array.of(-87, 88, 0, 0))).subarray(0, 2)]);
  });

  Deno.test(`logarithm is within 2 ulp for every positive normal number: ${numerics}`, async () => {
    const near = Float32Array.from({ length: 65536 }, (_, i) => 1 + (i - 32768) * 2 ** -23);
    for (const x of [points(LEAST_NORMAL, LARGEST), near]) {
      await compare("logarithm", x, Math.log, (_, wanted) => 2 * unit(wanted));
    }
  });

  Deno.test(`the exponential of softmax is within 2.5e-7 for x ≤ 0: ${numerics}`, async () => {
    await compare("expOfNegative", points(-LARGEST, 0), Math.exp, () => 2.5e-7);
  });

  Deno.test(`the normal distribution's tail is within 5e-7: ${numerics}`, async () => {
    const tail = (x: number) => 0.5 * erfc(Math.abs(x) * Math.SQRT1_2);
    await compare("tail", points(-LARGEST, LARGEST), tail, () => 5e-7);
  });

  // x·Φ: the error of Φ times |x|, and the rounding of the result.
  Deno.test(`GELU is within 5e-7·|x| + 1 ulp: ${numerics}`, async () => {
    await compare("gelu", points(-LARGEST, LARGEST), gelu, (x, wanted) => 5e-7 * Math.abs(x) + unit(wanted));
  });

  // The error of Φ, and x·φ, below 0.25, with the relative error of its exponential.
  Deno.test(`GELU's slope is within 7e-7 up to |x| = 1e31: ${numerics}`, async () => {
    await compare("slope", points(-1e31, 1e31), geluSlope, () => 7e-7);
  });

  Deno.test(`a NaN stays a NaN, in its own lane alone: ${numerics}`, async () => {
    for (const name of ["exp", "expOfNegative", "bell", "tail", "gelu", "slope"]) {
      for (let lane = 0; lane < 4; lane++) {
        const x = Float32Array.of(-0.5, -0.5, -0.5, -0.5);
        x[lane] = NaN;
        const y = await apply(name, x);
        y.forEach((value, i) => assert.equal(Number.isNaN(value), i === lane, `${name}, lane ${lane}`));
      }
    }
  });
}
