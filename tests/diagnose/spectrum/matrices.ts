import type { Product } from "../../../src/diagnose/spectrum/basis.ts";
import { Purpose, RandomStream } from "../../../src/model/random.ts";

/** A dense matrix, row by row. */
export type Dense = readonly (readonly number[])[];

export function times(a: Dense): Product {
  return (v) => Float64Array.from(a, (row) => row.reduce((sum, value, j) => sum + value * v[j], 0));
}

export function transpose(a: Dense): Dense {
  return a[0].map((_, j) => a.map((row) => row[j]));
}

export function multiply(a: Dense, b: Dense): Dense {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, value, k) => sum + value * column[k], 0)));
}

/** Blocks along the diagonal, zeros elsewhere. */
export function blockDiagonal(...blocks: readonly Dense[]): Dense {
  const size = blocks.reduce((sum, block) => sum + block.length, 0);
  let before = 0;
  return blocks.flatMap((block) => {
    const at = before;
    before += block.length;
    return block.map((row) => {
      const whole = new Array<number>(size).fill(0);
      row.forEach((value, j) => whole[at + j] = value);
      return whole;
    });
  });
}

/** A turn by `angle` times `radius`: eigenvalues radius · e^(±i·angle). */
export function rotation(radius: number, angle: number): Dense {
  const [c, s] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  return [[c, -s], [s, c]];
}

/** λ on the diagonal, `above` just above it. */
export function jordan(value: number, size: number, above = 1): Dense {
  return Array.from(
    { length: size },
    (_, i) => Array.from({ length: size }, (_, j) => j === i ? value : j === i + 1 ? above : 0),
  );
}

/** A random vector of `size` normal values, a new one at each call. */
export function randomVectors(size: number, seed = 1): () => Float64Array {
  const stream = new RandomStream(seed, Purpose.diagnosis, 0);
  return () => Float64Array.from({ length: size }, () => stream.normal());
}

/** A random orthogonal matrix: reflections at as many random vectors as it has rows. */
export function orthogonal(size: number, seed = 1): Dense {
  const random = randomVectors(size, seed);
  let q: Dense = jordan(1, size, 0);
  for (let k = 0; k < size; k++) {
    const v = random();
    const squares = v.reduce((sum, value) => sum + value * value, 0);
    q = multiply(q, Array.from(v, (a, i) => Array.from(v, (b, j) => (i === j ? 1 : 0) - 2 * a * b / squares)));
  }
  return q;
}

/** `a` seen in a random orthonormal basis: the same spectrum, singular values and departure from normality. */
export function turned(a: Dense, seed = 1): Dense {
  const q = orthogonal(a.length, seed);
  return multiply(multiply(q, a), transpose(q));
}
