import { className } from "../../engine/classifier.ts";
import { printable } from "../../files/printable.ts";
import type { InstrumentRow } from "./table.ts";

/** One review as the model read it. */
export interface ReadReview {
  /** Its number among the reviews of the data. */
  readonly review: number;
  readonly label: number;
  /** Undefined when the model said none. */
  readonly predicted: number | undefined;
  readonly tokens: readonly string[];
  /** Block applications of each token. */
  readonly steps: Uint8Array;
}

/** Every token of a review and the step at which it halted; line breaks and the like of a token are escaped. */
export function tokenRows({ review, label, predicted, tokens, steps }: ReadReview, classes: number): InstrumentRow[] {
  const said = predicted === undefined ? null : className(predicted, classes);
  return tokens.map((token, position) => ({
    table: "tokens",
    cells: [review, className(label, classes), said, position, printable(token), steps[position]],
  }));
}
