import { exp } from "../elementary.ts";
import { erfc } from "./erf.ts";

const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);

/** Φ(x), the standard normal distribution function. */
function normalDistribution(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}

/** Exact GELU, x·Φ(x) (spec §1). */
export function gelu(x: number): number {
  return x * normalDistribution(x);
}

/** GELU′(x) = Φ(x) + x·φ(x). */
export function geluSlope(x: number): number {
  return normalDistribution(x) + x * exp(-0.5 * x * x) / ROOT_TWO_PI;
}
