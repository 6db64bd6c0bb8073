import { log } from "../model/elementary.ts";

/** How a window of surprises is judged: by its correlation with itself one step later, or by its ordinal patterns. */
export const GUARDS = ["lag1", "permutation"] as const;
export type Guard = typeof GUARDS[number];

/** Length of an ordinal pattern. */
export const PATTERN_LENGTH = 4;
/** Patterns that there are, 4!. */
const PATTERNS = 24;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Σ (aᵢ − ma)(bᵢ − mb) */
function comoment(a: readonly number[], b: readonly number[], ma: number, mb: number): number {
  return a.reduce((sum, value, i) => sum + (value - ma) * (b[i] - mb), 0);
}

/** corr(S[..−1], S[1..]) (stability spec §2, "memo"); 0 where either has no variance. */
export function lagCorrelation(series: readonly number[]): number {
  const [early, late] = [series.slice(0, -1), series.slice(1)];
  const [me, ml] = [mean(early), mean(late)];
  const variances = comoment(early, early, me, me) * comoment(late, late, ml, ml);
  if (!(variances > 0)) return 0;
  return Math.min(1, Math.max(-1, comoment(early, late, me, ml) / Math.sqrt(variances)));
}

/** Lag-1 autocorrelation about the mean of the whole series (stability spec §2, "paper"); 0 where it has no variance. */
export function autocorrelation(series: readonly number[]): number {
  const m = mean(series);
  const variance = comoment(series, series, m, m);
  if (!(variance > 0)) return 0;
  return Math.min(1, Math.max(-1, comoment(series.slice(0, -1), series.slice(1), m, m) / variance));
}

/** Whether the series only rises or only falls; equal neighbours are either. */
function isTrend(series: readonly number[]): boolean {
  const steps = series.slice(1).map((value, i) => value - series[i]);
  return steps.every((step) => step >= 0) || steps.every((step) => step <= 0);
}

/** The number of the ordinal pattern at `start`, 0 … 23: how its four values are ordered, equals by their place. */
function pattern(series: readonly number[], start: number): number {
  let number = 0;
  for (let i = 0; i < PATTERN_LENGTH; i++) {
    let smaller = 0;
    for (let j = i + 1; j < PATTERN_LENGTH; j++) if (series[start + j] < series[start + i]) smaller++;
    number = number * (PATTERN_LENGTH - i) + smaller;
  }
  return number;
}

/**
 * Entropy of the ordinal patterns of length 4, as a share of ln 4! (Bandt and Pompe, 2002): near 1 for noise, also on a
 * trend, small where the series repeats itself. A series that only rises or only falls, which has a single pattern but
 * no resonance, counts as 1. Takes at least four values.
 */
export function permutationEntropy(series: readonly number[]): number {
  if (isTrend(series)) return 1;
  const counts = new Float64Array(PATTERNS);
  const windows = series.length - PATTERN_LENGTH + 1;
  for (let start = 0; start < windows; start++) counts[pattern(series, start)]++;
  const entropy = counts.reduce((sum, count) => count === 0 ? sum : sum - count / windows * log(count / windows), 0);
  return Math.max(0, entropy) / log(PATTERNS);
}
