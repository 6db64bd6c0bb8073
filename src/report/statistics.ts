import { logGamma, studentQuantile } from "../libraries/distributions.ts";

/** Probability with which an interval covers the mean it is made for. */
export const CONFIDENCE = 0.95;

/** What several values of one quantity tell. */
export interface Sample {
  readonly n: number;
  readonly mean: number;
  /** With n − 1 in the denominator; null for one value. */
  readonly sd: number | null;
  /** Student's t interval for the mean; null for one value. */
  readonly interval: Interval | null;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/** A difference of two means, with its interval. */
export interface MeanDifference {
  readonly difference: number;
  /** `paired`: over the seeds that both have; `Welch`: of two independent samples of unequal variance. */
  readonly method: "paired" | "Welch";
  /** Differences (paired) or the smaller sample (Welch). */
  readonly n: number;
  readonly interval: Interval;
}

/** How two classifiers do on the reviews that both have judged. */
export interface McNemar {
  readonly reviews: number;
  readonly bothRight: number;
  readonly onlyFirstRight: number;
  readonly onlySecondRight: number;
  readonly bothWrong: number;
  /** Exact two-sided p: how probable a split of the disagreements as uneven as this is if both are equally good. */
  readonly p: number;
}

/** Mean, deviation and interval of `values`; undefined when there is none. */
export function sampleOf(values: readonly number[]): Sample | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const mean = meanOf(values);
  if (n === 1) return { n, mean, sd: null, interval: null };
  const sd = Math.sqrt(variance(values));
  return { n, mean, sd, interval: around(mean, sd / Math.sqrt(n), n - 1) };
}

/**
 * The difference of the means, first less second: paired over the keys (seeds) of both where they have two or more in
 * common, else by Welch's method; undefined when neither can be done.
 */
export function meanDifference(
  first: ReadonlyMap<string, number>,
  second: ReadonlyMap<string, number>,
): MeanDifference | undefined {
  const pairs = [...first].flatMap(([seed, value]) => {
    const other = second.get(seed);
    return other === undefined ? [] : [value - other];
  });
  const paired = sampleOf(pairs);
  if (paired !== undefined && paired.interval !== null) {
    return { difference: paired.mean, method: "paired", n: paired.n, interval: paired.interval };
  }
  const [a, b] = [[...first.values()], [...second.values()]];
  const n = Math.min(a.length, b.length);
  if (n < 2) return undefined;
  const [u, v] = [variance(a) / a.length, variance(b) / b.length];
  const difference = meanOf(a) - meanOf(b);
  const error = Math.sqrt(u + v);
  // Satterthwaite's degrees of freedom; without any spread the interval is a point whatever they are.
  const freedom = error === 0 ? n - 1 : (u + v) ** 2 / (u ** 2 / (a.length - 1) + v ** 2 / (b.length - 1));
  return { difference, method: "Welch", n, interval: around(difference, error, freedom) };
}

/** McNemar's exact test of two classifiers, from which of the shared reviews each got right. */
export function mcNemar(outcomes: Iterable<readonly [firstRight: boolean, secondRight: boolean]>): McNemar {
  const counts = { bothRight: 0, onlyFirstRight: 0, onlySecondRight: 0, bothWrong: 0 };
  let reviews = 0;
  for (const [first, second] of outcomes) {
    reviews++;
    counts[first ? (second ? "bothRight" : "onlyFirstRight") : second ? "onlySecondRight" : "bothWrong"]++;
  }
  return { reviews, ...counts, p: signTest(counts.onlyFirstRight, counts.onlySecondRight) };
}

/** Two-sided exact binomial p of `a` against `b` at even odds; 1 without disagreements. */
export function signTest(a: number, b: number): number {
  const n = a + b;
  const logChoose = (k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  let tail = 0;
  for (let k = 0; k <= Math.min(a, b); k++) tail += Math.exp(logChoose(k) - n * Math.LN2);
  return Math.min(1, 2 * tail);
}

/** Holm's adjustment of p values for having made so many tests, in the order given. */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).toSorted((i, j) => values[i] - values[j]);
  const adjusted = new Array<number>(values.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (values.length - rank) * values[index]));
    adjusted[index] = largest;
  });
  return adjusted;
}

function around(mean: number, error: number, freedom: number): Interval {
  const reach = studentQuantile((1 + CONFIDENCE) / 2, freedom) * error;
  return { lower: mean - reach, upper: mean + reach };
}

/** The mean of `values`, of which there is at least one. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
