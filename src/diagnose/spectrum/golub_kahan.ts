import { largestSingularPair } from "../../libraries/matrix.ts";
import { Basis, type Product } from "./basis.ts";

export interface SingularOptions {
  /** Wanted bound of ‖Aᵀu − σv‖ / σ. */
  readonly tolerance: number;
  /** Most products with A, and as many with Aᵀ. */
  readonly limit: number;
}

export interface LargestSingularValue {
  /** σ; NaN when a product is not finite. */
  readonly value: number;
  /** ‖Aᵀu − σv‖ / σ: A has such a singular value up to a change of that relative size. */
  readonly residual: number;
}

/** Products between two looks at the small matrix. */
const LOOK = 4;

/**
 * The largest singular value of A by Golub–Kahan bidiagonalization (SIAM J. Numer. Anal. 2, 1965) from `start`, all
 * vectors reorthogonalized: A V = U B and Aᵀ U = V Bᵀ + β v eᵀ, whose B has A's outer singular values early.
 */
export function largestSingularValue(
  product: Product,
  transposed: Product,
  start: Float64Array,
  { tolerance, limit }: SingularOptions,
): LargestSingularValue {
  const left = new Basis(), right = new Basis();
  /** Parts of A v_k along the left vectors: the columns of B. */
  const columns: Float64Array[] = [];
  let v = right.add(start, right.remove(start).rest);
  while (true) {
    const image = product(v);
    const { parts, rest } = left.remove(image);
    if (!Number.isFinite(rest)) return { value: NaN, residual: NaN };
    columns.push(Float64Array.of(...parts, rest));
    // A v lies in what is known: there are no further left vectors.
    if (rest === 0) return settled(columns, left.size, 0);
    const back = transposed(left.add(image, rest));
    const { rest: beta } = right.remove(back);
    if (!Number.isFinite(beta)) return { value: NaN, residual: NaN };
    const steps = columns.length;
    if (beta === 0 || steps >= limit || steps % LOOK === 0) {
      const found = settled(columns, left.size, beta);
      if (found.residual <= tolerance || steps >= limit) return found;
    }
    v = right.add(back, beta);
  }
}

function settled(columns: readonly Float64Array[], rows: number, beta: number): LargestSingularValue {
  const small = Array.from({ length: rows }, (_, i) => columns.map((column) => column[i] ?? 0));
  const pair = largestSingularPair(small);
  // Without a left vector A v was zero for a random v, so A is zero.
  if (pair === undefined) return rows === 0 ? { value: 0, residual: 0 } : { value: NaN, residual: NaN };
  const { value, left } = pair;
  return { value, residual: value === 0 ? 0 : beta * Math.abs(left[rows - 1]) / value };
}
