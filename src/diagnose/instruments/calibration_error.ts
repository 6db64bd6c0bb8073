import { exp, log } from "../../model/elementary.ts";
import {
  brierScore,
  calibrationErrors,
  type Predictions,
  predictionsOf,
  type ReliabilityTable,
  reliabilityTable,
} from "../../train/calibration.ts";
import { type InstrumentRow, metricRow } from "./table.ts";
import { fitTemperature, type Judged } from "./temperature.ts";

/** Numbers of confidence bins: 15 as usual (Guo et al., 2017), and 10. */
const BIN_COUNTS = [10, 15] as const;

export interface CalibrationInput extends Judged {
  readonly classes: number;
  /** What the temperature is fitted on; undefined where there is nothing to fit it on. */
  readonly fittedOn: Judged | undefined;
}

/**
 * Calibration of the predictions: `accuracy`, `cross_entropy` (nats), `ece_10`, `ece_15`, `mce_10`, `mce_15`, `brier`,
 * `ks` (Kolmogorov–Smirnov calibration error, Gupta et al., 2021), the fitted `temperature`, and all of them but the
 * accuracy, which stays, again behind it (`…_scaled`); and the reliability tables of both numbers of bins. What cannot
 * be known (no review, logits that are not finite, no temperature) is missing.
 */
export function calibrationRows({ logits, labels, classes, fittedOn }: CalibrationInput): InstrumentRow[] {
  const temperature = fittedOn === undefined ? NaN : fitTemperature(fittedOn, classes);
  const before = judge({ logits, labels }, classes);
  const after = judge({ logits: Array.from(logits, (logit) => logit / temperature), labels }, classes);
  const scaled = Object.entries(after.metrics).filter(([metric]) => metric !== "accuracy").map((
    [metric, value],
  ): [string, number] => [`${metric}_scaled`, value]);
  const metrics = [
    ["reviews", labels.length] as const,
    ...Object.entries(before.metrics),
    ["temperature", temperature] as const,
    ...scaled,
  ];
  return [
    ...metrics.map(([metric, value]) => metricRow("calibration", [], metric, value)),
    ...before.tables.flatMap(reliabilityRows),
  ];
}

interface Judgement {
  readonly metrics: {
    readonly accuracy: number;
    readonly cross_entropy: number;
    readonly ece_10: number;
    readonly ece_15: number;
    readonly mce_10: number;
    readonly mce_15: number;
    readonly brier: number;
    readonly ks: number;
  };
  /** None when a logit is not finite. */
  readonly tables: readonly ReliabilityTable[];
}

function judge({ logits, labels }: Judged, classes: number): Judgement {
  const brier = brierScore(logits, labels, classes);
  if (!Number.isFinite(brier)) {
    const errors = { ece_10: NaN, ece_15: NaN, mce_10: NaN, mce_15: NaN };
    return { metrics: { accuracy: NaN, cross_entropy: NaN, ...errors, brier: NaN, ks: NaN }, tables: [] };
  }
  const predictions = predictionsOf(logits, labels, classes);
  const tables = BIN_COUNTS.map((bins) => reliabilityTable(predictions, bins));
  const [ten, fifteen] = tables.map(calibrationErrors);
  return {
    metrics: {
      accuracy: predictions.hit.reduce((sum, hit) => sum + hit, 0) / labels.length,
      cross_entropy: meanCrossEntropy({ logits, labels }, classes),
      ece_10: ten.ece,
      ece_15: fifteen.ece,
      mce_10: ten.mce,
      mce_15: fifteen.mce,
      brier,
      ks: kolmogorovSmirnov(predictions),
    },
    tables,
  };
}

/** Mean of −ln of the label's probability, from the logits, so that a tiny probability is no infinite loss. */
export function meanCrossEntropy({ logits, labels }: Judged, classes: number): number {
  let sum = 0;
  for (let r = 0; r < labels.length; r++) {
    const row = Array.from({ length: classes }, (_, c) => logits[r * classes + c]);
    const largest = Math.max(...row);
    sum += log(row.reduce((total, logit) => total + exp(logit - largest), 0)) - (row[labels[r]] - largest);
  }
  return sum / labels.length;
}

/**
 * The largest gap, over all thresholds, between the shares of all reviews that are right and that were said to be, among
 * those less confident than the threshold: needs no bins.
 */
function kolmogorovSmirnov({ confidence, hit }: Predictions): number {
  const order = Uint32Array.from(confidence.keys()).sort((a, b) => confidence[a] - confidence[b]);
  let gap = 0;
  let widest = 0;
  order.forEach((review, place) => {
    gap += (hit[review] - confidence[review]) / order.length;
    // Reviews of equal confidence pass a threshold together.
    const next = order[place + 1];
    if (next === undefined || confidence[next] !== confidence[review]) widest = Math.max(widest, Math.abs(gap));
  });
  return widest;
}

function reliabilityRows({ counts, hits, confidences }: ReliabilityTable): InstrumentRow[] {
  const bins = counts.length;
  return Array.from(counts, (count, bin): InstrumentRow => ({
    table: "reliability",
    cells: [
      bins,
      bin,
      bin / bins,
      (bin + 1) / bins,
      count,
      count > 0 ? confidences[bin] / count : null,
      count > 0 ? hits[bin] / count : null,
    ],
  }));
}
