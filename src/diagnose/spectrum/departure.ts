import { eigenpairs } from "../../libraries/matrix.ts";
import { square } from "../../model/elementary.ts";
import { norm, type Product } from "./basis.ts";

/**
 * Henrici's departure from normality over the Frobenius norm, √(‖A‖² − Σ|λ|²) / ‖A‖ (Numer. Math. 4, 1962), of a matrix
 * of `size` rows that is made column by column: 0 for a normal matrix, 1 for a nilpotent one; NaN for zeros and values
 * that are not finite. The cost grows with the cube of the size.
 */
export function henriciDeparture(product: Product, size: number): number {
  const columns = Array.from({ length: size }, (_, k) => {
    const unit = new Float64Array(size);
    unit[k] = 1;
    return product(unit);
  });
  const squares = columns.reduce((sum, column) => sum + square(norm(column)), 0);
  const pairs = eigenpairs(Array.from({ length: size }, (_, i) => columns.map((column) => column[i])));
  if (pairs.length < size) return NaN;
  const moduli = pairs.reduce((sum, { real, imaginary }) => sum + real * real + imaginary * imaginary, 0);
  return Math.sqrt(Math.max(0, squares - moduli) / squares);
}
