import statistics from "jstat";

/** The value below which Student's t with `freedom` degrees of freedom lies with probability `p`. */
export function studentQuantile(p: number, freedom: number): number {
  return statistics.studentt.inv(p, freedom);
}

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  return statistics.gammaln(x);
}
