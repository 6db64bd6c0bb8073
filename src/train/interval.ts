import { square } from "../model/elementary.ts";

/** Standard normal quantile of 0.975: intervals cover with probability 95 %. */
const QUANTILE = 1.959963984540054;

/** Standard error of a share that was seen in `n` independent trials, √(p(1 − p)/n). */
export function standardError(share: number, n: number): number {
  return Math.sqrt(share * (1 - share) / n);
}

/**
 * Wilson's 95 % interval for a share of which `share` was seen in `n` independent trials (Wilson, 1927); unlike
 * share ± 2 standard errors it stays within 0 … 1 and holds near its ends. NaN without trials.
 */
export function wilsonInterval(share: number, n: number): { readonly lower: number; readonly upper: number } {
  const z2 = square(QUANTILE);
  const centre = (share + z2 / (2 * n)) / (1 + z2 / n);
  const reach = QUANTILE / (1 + z2 / n) * Math.sqrt(share * (1 - share) / n + z2 / (4 * square(n)));
  return { lower: centre - reach, upper: centre + reach };
}
