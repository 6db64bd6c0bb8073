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
  for (let c = 0; c < classes; c++) sum += out[c] = Math.exp(logits[start + c] - largest);
  for (let c = 0; c < classes; c++) out[c] /= sum;
  return out;
}

/** Index of the largest of `values`; the first of equals. */
export function largestIndex(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/**
 * Accuracy and calibration of `logits` [reviews × classes] against `labels` [reviews]; confidence is the largest
 * probability. All NaN when there is no review or a logit is not finite.
 */
export function calibrationOf(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Calibration {
  const reviews = labels.length;
  const counts = new Uint32Array(CONFIDENCE_BINS);
  const hits = new Uint32Array(CONFIDENCE_BINS);
  const confidences = new Float64Array(CONFIDENCE_BINS);
  const probabilities = new Float64Array(classes);
  let correct = 0;
  let squared = 0;
  for (let r = 0; r < reviews; r++) {
    softmax(logits, r * classes, classes, probabilities);
    const predicted = largestIndex(probabilities);
    const confidence = probabilities[predicted];
    const hit = predicted === labels[r];
    const bin = Math.min(CONFIDENCE_BINS - 1, Math.floor(confidence * CONFIDENCE_BINS));
    counts[bin]++;
    confidences[bin] += confidence;
    if (hit) {
      hits[bin]++;
      correct++;
    }
    for (let c = 0; c < classes; c++) squared += (probabilities[c] - (c === labels[r] ? 1 : 0)) ** 2;
  }
  if (reviews === 0 || !Number.isFinite(squared)) return { accuracy: NaN, ece: NaN, mce: NaN, brier: NaN };
  let ece = 0;
  let mce = 0;
  for (let bin = 0; bin < CONFIDENCE_BINS; bin++) {
    if (counts[bin] === 0) continue;
    const gap = Math.abs(hits[bin] - confidences[bin]);
    ece += gap / reviews;
    mce = Math.max(mce, gap / counts[bin]);
  }
  return { accuracy: correct / reviews, ece, mce, brier: squared / reviews };
}
