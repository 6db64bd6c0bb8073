/** A product with a square matrix that is known by its products only. */
export type Product = (vector: Float64Array) => Float64Array;

export function norm(vector: Float64Array): number {
  let squares = 0;
  for (let e = 0; e < vector.length; e++) squares += vector[e] * vector[e];
  return Math.sqrt(squares);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e];
  return sum;
}

/** What is left of a vector that is shorter than this share of it lies in the basis, but for rounding. */
const VANISHED = 1e-13;

/** Orthonormal vectors, grown one by one. */
export class Basis {
  readonly vectors: Float64Array[] = [];

  get size(): number {
    return this.vectors.length;
  }

  /**
   * Takes from `vector`, in place, its parts along the basis, twice so that rounding leaves none (Gram–Schmidt), and
   * returns their lengths [size] and the length of the rest: 0 when nothing but rounding is left, NaN or infinite when
   * `vector` is not finite.
   */
  remove(vector: Float64Array): { readonly parts: Float64Array; readonly rest: number } {
    const parts = new Float64Array(this.size);
    const before = norm(vector);
    for (let pass = 0; pass < 2; pass++) {
      this.vectors.forEach((own, k) => {
        const part = dot(own, vector);
        parts[k] += part;
        for (let e = 0; e < vector.length; e++) vector[e] -= part * own[e];
      });
    }
    const rest = norm(vector);
    return { parts, rest: rest <= VANISHED * before && Number.isFinite(before) ? 0 : rest };
  }

  /** Adds `vector`, orthogonal to the basis and of length `length`, as a unit vector. */
  add(vector: Float64Array, length: number): Float64Array {
    const unit = vector.map((value) => value / length);
    this.vectors.push(unit);
    return unit;
  }
}
