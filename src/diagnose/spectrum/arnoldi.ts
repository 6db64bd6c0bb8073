import { type Eigenpair, eigenpairs } from "../../libraries/matrix.ts";
import { hypotenuse, square } from "../../model/elementary.ts";
import { Basis, type Product } from "./basis.ts";

export interface EigenvalueOptions {
  /** How many eigenvalues are wanted, the largest in modulus first; the other half of a pair comes with them. */
  readonly count: number;
  /** Largest accepted ‖A x − λ x‖ / (|λ| ‖x‖). */
  readonly tolerance: number;
  /** Most products with A. */
  readonly limit: number;
  /** Random vectors of A's size. */
  readonly random: () => Float64Array;
}

export interface Eigenvalue {
  readonly real: number;
  readonly imaginary: number;
  /** ‖A x − λ x‖ / (|λ| ‖x‖): λ is an eigenvalue of A up to a change of that size relative to |λ|. */
  readonly residual: number;
}

/** Products before the first look at the small matrix, whose cost grows with its cube, and growth until the next. */
const FIRST_LOOK = 16;
const NEXT_LOOK = 1.4;

/**
 * The leading eigenvalues of A by Arnoldi's method (1951), all vectors orthogonalized twice: complex pairs come as pairs.
 * Where the vectors span an invariant space it goes on from a new random vector, so that eigenvalues are found as often
 * as they occur. Only those are returned whose residual is small, as far as no larger one is missing: none when the
 * largest has not settled within `limit` products, or a product is not finite.
 */
export function leadingEigenvalues(
  product: Product,
  size: number,
  { count, tolerance, limit, random }: EigenvalueOptions,
): Eigenvalue[] {
  const basis = new Basis();
  /** The columns of the Hessenberg matrix; the last part of each belongs to the next vector. */
  const columns: Float64Array[] = [];
  const first = random();
  let vector = basis.add(first, basis.remove(first).rest);
  let look = FIRST_LOOK;
  while (true) {
    const image = product(vector);
    const { parts, rest } = basis.remove(image);
    if (!Number.isFinite(rest)) return [];
    columns.push(Float64Array.of(...parts, rest));
    const steps = columns.length, complete = steps === size;
    if (complete || steps >= limit || steps === look) {
      look = Math.ceil(NEXT_LOOK * steps);
      const found = settled(columns, count, tolerance);
      if (complete || steps >= limit || found.length >= count) return found;
    }
    if (rest > 0) {
      vector = basis.add(image, rest);
    } else {
      const fresh = random();
      vector = basis.add(fresh, basis.remove(fresh).rest);
    }
  }
}

/** The leading eigenvalues of the small matrix that have settled, up to the first that has not. */
function settled(columns: readonly Float64Array[], count: number, tolerance: number): Eigenvalue[] {
  const steps = columns.length;
  const rest = columns[steps - 1][steps];
  const pairs = eigenpairs(Array.from({ length: steps }, (_, i) => columns.map((column) => column[i] ?? 0)))
    .map((pair) => ({ ...pair, size: hypotenuse(pair.real, pair.imaginary) }));
  // A pair's halves are equal in size and must stay side by side.
  pairs.sort((a, b) => b.size - a.size || b.real - a.real || b.imaginary - a.imaginary);
  const found: Eigenvalue[] = [];
  for (const pair of pairs) {
    const { real, imaginary, size } = pair;
    const residual = rest === 0 ? 0 : rest * lastShare(pair) / size;
    if (!(residual <= tolerance)) break;
    if (found.length >= count && imaginary >= 0) break;
    found.push({ real, imaginary, residual });
    if (found.length > count) break;
  }
  return found;
}

/** |last component| of the eigenvector over its length. */
function lastShare({ vector: { real, imaginary } }: Eigenpair): number {
  let squares = 0;
  for (let e = 0; e < real.length; e++) squares += square(real[e]) + square(imaginary[e]);
  return hypotenuse(real[real.length - 1], imaginary[real.length - 1]) / Math.sqrt(squares);
}
