import { exp } from "../../model/elementary.ts";

/** Reviews' logits and labels. */
export interface Judged {
  /** [reviews × classes], natural-log units. */
  readonly logits: ArrayLike<number>;
  /** [reviews] */
  readonly labels: ArrayLike<number>;
}

/** Inverse temperatures that are looked at: beyond them the data ask for certainty, or for none at all. */
const LEAST = 1e-4;
const MOST = 1e4;
const ITERATIONS = 200;
const PRECISION = 1e-13;

/**
 * The temperature T > 0 at which softmax(logits / T) fits the labels best (least mean cross-entropy; Guo et al., 2017),
 * to 13 digits; NaN where there is none: no review, logits that are not finite or all alike, every prediction right (T
 * would fall to 0) or no better than chance (T would grow without end).
 *
 * The cross-entropy is convex in 1/T, so its slope has one root at most: Newton's steps, and halving where they leave
 * the bracket.
 */
export function fitTemperature(judged: Judged, classes: number): number {
  if (judged.labels.length === 0) return NaN;
  let [low, high] = [LEAST, MOST];
  if (!(slopeAt(judged, classes, low).slope < 0 && slopeAt(judged, classes, high).slope > 0)) return NaN;
  let inverse = 1;
  for (let i = 0; i < ITERATIONS && high - low > PRECISION * high; i++) {
    const { slope, curvature } = slopeAt(judged, classes, inverse);
    if (slope === 0) break;
    if (slope < 0) low = inverse;
    else high = inverse;
    const next = inverse - slope / curvature;
    const inside = next > low && next < high;
    if (inside && Math.abs(next - inverse) <= PRECISION * inverse) return 1 / next;
    // The bracket spans decades at first.
    inverse = inside ? next : Math.sqrt(low * high);
  }
  return 1 / inverse;
}

/** First and second derivative of the mean cross-entropy of softmax(β · logits) by β. */
function slopeAt({ logits, labels }: Judged, classes: number, beta: number): { slope: number; curvature: number } {
  let slope = 0;
  let curvature = 0;
  for (let r = 0; r < labels.length; r++) {
    const at = r * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[at + c]);
    let sum = 0;
    let first = 0;
    let second = 0;
    for (let c = 0; c < classes; c++) {
      const above = logits[at + c] - largest;
      const power = exp(beta * above);
      sum += power;
      first += power * above;
      second += power * above * above;
    }
    const mean = first / sum;
    slope += (mean - (logits[at + labels[r]] - largest)) / labels.length;
    curvature += (second / sum - mean * mean) / labels.length;
  }
  return { slope, curvature };
}
