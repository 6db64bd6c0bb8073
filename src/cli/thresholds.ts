import { UsageError } from "../errors.ts";
import { HALT_THRESHOLDS } from "../model/reference/halting.ts";

/** More points than a curve can show. */
const MOST_POINTS = 1000;

/** Figures to which a point is rounded, so that 0.1 + 2 · 0.1 is 0.3. */
const FIGURES = 12;

const NUMBER = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * The thresholds that `text` stands for: one number, or `first:last:step`, which ends at the last point that is not
 * beyond `last`. Throws UsageError for anything else, points out of range and more than 1,000 of them.
 */
export function readThresholds(text: string): number[] {
  const fail = (details: string, hint = "Give one threshold, or first:last:step such as 0.1:1:0.1.") =>
    new UsageError(`Cannot use --halt-threshold ${text}: ${details}`, hint);
  const { minimum, maximum } = HALT_THRESHOLDS;
  const parts = text.split(":");
  if (parts.length !== 1 && parts.length !== 3) throw fail(`found ${parts.length} parts, wanted 1 or 3`);
  const [first, last = first, step = 1] = parts.map((part) => {
    if (!NUMBER.test(part.trim())) throw fail(`"${part}" is no number`);
    return Number(part);
  });
  for (const threshold of [first, last]) {
    if (threshold >= minimum && threshold <= maximum) continue;
    throw fail(`${threshold} is no threshold`, `Give numbers from ${minimum} to ${maximum}.`);
  }
  if (first > last) throw fail(`the first threshold, ${first}, lies above the last, ${last}`);
  if (!(step > 0)) throw fail(`the step is ${step}`, "Give a step above 0.");
  // A point that rounding put a hair beyond the last still counts.
  const points = Math.floor((last - first) / step * (1 + 1e-9)) + 1;
  if (points > MOST_POINTS) throw fail(`${points} thresholds, at most ${MOST_POINTS}`, "Give a larger step.");
  return Array.from({ length: points }, (_, i) => Math.min(last, Number((first + i * step).toPrecision(FIGURES))));
}
