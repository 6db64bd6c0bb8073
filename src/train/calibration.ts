import { exp, square } from "../model/elementary.ts";

/** Bins of equal width over the confidence, as usual for the ECE (Guo et al., 2017). */
const CONFIDENCE_BINS = 15;

/** How right, and how rightly confident, a set of predictions is. */
export interface Calibration {
  /** Share whose largest logit is their label's; the first of equal logits counts as the prediction. */
  readonly accuracy: number;
  /** Expected calibration error: mean |accuracy − confidence| over 15 confidence bins, weighted by their counts. */
  readonly ece: number;
  /** Maximum calibration error: the largest |accuracy − confidence| of a bin that is not empty. */
  readonly mce: number;
  /** Mean over reviews of the squared distance between the probabilities and the one-hot label, 0 … 2. */
  readonly brier: number;
}

/** Probabilities of one row of logits, written to `out` [classes]; the largest logit is subtracted first. */
export function softmax(logits: ArrayLike<number>, start: number, classes: number, out: Float64Array): Float64Array {
  let largest = -Infinity;
  for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[start + c]);
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += out[c] = exp(logits[start + c] - largest);
  for (let c = 0; c < classes; c++) out[c] /= sum;
  return out;
}

/** Index of the largest of `values`; the first of equals. */
export function largestIndex(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Predictions grouped by their confidence, in bins of equal width over 0 … 1; the last one holds 1 as well. */
export interface ReliabilityTable {
  /** Predictions in each bin. */
  readonly counts: Uint32Array;
  /** Right ones among them. */
  readonly hits: Uint32Array;
  /** Sum of their confidences. */
  readonly confidences: Float64Array;
}

/** Each review's prediction: its largest probability, and whether that is its label's. */
export interface Predictions {
  /** [reviews] */
  readonly confidence: Float64Array;
  /** 1 for a right one [reviews]. */
  readonly hit: Uint8Array;
}

/** The predictions of `logits` [reviews × classes]; the first of equal logits counts as the prediction. */
export function predictionsOf(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Predictions {
  const probabilities = new Float64Array(classes);
  const confidence = new Float64Array(labels.length);
  const hit = new Uint8Array(labels.length);
  for (let r = 0; r < labels.length; r++) {
    const predicted = largestIndex(softmax(logits, r * classes, classes, probabilities));
    confidence[r] = probabilities[predicted];
    hit[r] = predicted === labels[r] ? 1 : 0;
  }
  return { confidence, hit };
}

/** Groups finite predictions into `bins` bins. */
export function reliabilityTable({ confidence, hit }: Predictions, bins: number): ReliabilityTable {
  const table = {
    counts: new Uint32Array(bins),
    hits: new Uint32Array(bins),
    confidences: new Float64Array(bins),
  };
  confidence.forEach((value, r) => {
    const bin = Math.min(bins - 1, Math.floor(value * bins));
    table.counts[bin]++;
    table.hits[bin] += hit[r];
    table.confidences[bin] += value;
  });
  return table;
}

/** Expected and maximum calibration error of a table with at least one prediction (`Calibration`). */
export function calibrationErrors(
  { counts, hits, confidences }: ReliabilityTable,
): { readonly ece: number; readonly mce: number } {
  const reviews = counts.reduce((sum, count) => sum + count, 0);
  let ece = 0;
  let mce = 0;
  counts.forEach((count, bin) => {
    if (count === 0) return;
    const gap = Math.abs(hits[bin] - confidences[bin]);
    ece += gap / reviews;
    mce = Math.max(mce, gap / count);
  });
  return { ece, mce };
}

/** Mean over reviews of the squared distance between the probabilities and the one-hot label. */
export function brierScore(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  const probabilities = new Float64Array(classes);
  let squared = 0;
  for (let r = 0; r < labels.length; r++) {
    softmax(logits, r * classes, classes, probabilities);
    for (let c = 0; c < classes; c++) squared += square(probabilities[c] - (c === labels[r] ? 1 : 0));
  }
  return squared / labels.length;
}

/**
 * Accuracy and calibration of `logits` [reviews × classes] against `labels` [reviews]; confidence is the largest
 * probability. All NaN when there is no review or a logit is not finite.
 */
export function calibrationOf(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Calibration {
  const brier = brierScore(logits, labels, classes);
  if (!Number.isFinite(brier)) return { accuracy: NaN, ece: NaN, mce: NaN, brier: NaN };
  const predictions = predictionsOf(logits, labels, classes);
  const correct = predictions.hit.reduce((sum, hit) => sum + hit, 0);
  return {
    accuracy: correct / labels.length,
    ...calibrationErrors(reliabilityTable(predictions, CONFIDENCE_BINS)),
    brier,
  };
}
