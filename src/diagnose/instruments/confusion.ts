import { className } from "../../engine/classifier.ts";
import { largestIndex } from "../../train/calibration.ts";
import type { InstrumentRow } from "./table.ts";
import type { Judged } from "./temperature.ts";

/**
 * The class that row `review` of logits [reviews × classes] predicts, the first of equals; undefined when one of its
 * logits is not finite.
 */
export function predictedClass(logits: ArrayLike<number>, review: number, classes: number): number | undefined {
  const row = Array.from({ length: classes }, (_, c) => logits[review * classes + c]);
  return row.every(Number.isFinite) ? largestIndex(row) : undefined;
}

/** How many reviews of each class were taken for each; those without a prediction are counted under an empty field. */
export function confusionRows({ logits, labels }: Judged, classes: number): InstrumentRow[] {
  const counts = new Uint32Array(classes * (classes + 1));
  for (let r = 0; r < labels.length; r++) {
    counts[labels[r] * (classes + 1) + (predictedClass(logits, r, classes) ?? classes)]++;
  }
  return Array.from(counts).flatMap((count, k): InstrumentRow[] => {
    const predicted = k % (classes + 1);
    if (predicted === classes && count === 0) return [];
    const actual = className(Math.floor(k / (classes + 1)), classes);
    return [{
      table: "confusion",
      cells: [actual, predicted === classes ? null : className(predicted, classes), count],
    }];
  });
}
