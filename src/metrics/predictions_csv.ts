import { PLACE_COLUMNS } from "../diagnose/instruments/table.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import { largestIndex, softmax } from "../train/calibration.ts";
import type { Outputs } from "../train/evaluation.ts";
import type { JudgedPlace } from "./schema.ts";
import { fieldFault, readTable } from "./table_csv.ts";

/** Name of the file in a run folder. */
export const PREDICTIONS_CSV = "predictions.csv";

const COLUMNS = [...PLACE_COLUMNS, "data", "review", "label", "predicted", "probability"] as const;

const HINT = "Make the file again with epsilon evaluate --predictions.";

/** Hexadecimal digits of the data's SHA-256 that each row repeats: reviews are shared only within the same data. */
const HASH_DIGITS = 12;

/** Rows formatted in one piece. */
const PIECE = 1024;

/** Whose weights judged which reviews. */
export interface PredictionsPlace extends JudgedPlace {
  readonly dataSha256: string;
}

/** What a model said of one review. */
export interface Prediction {
  readonly split: string;
  /** First digits of the data's SHA-256. */
  readonly data: string;
  /** Place of the review in the data, from 0. */
  readonly review: number;
  readonly label: number;
  /** Null where the model's output was not finite. */
  readonly predicted: number | null;
}

/**
 * The text of `predictions.csv` piece by piece: what the model said of each review in `indices`. `probability` is that of the
 * predicted class; both are empty where a logit is not finite.
 */
export function* predictionsCsv(
  { run, step, epoch, split, dataSha256 }: PredictionsPlace,
  indices: ArrayLike<number>,
  { logits, labels }: Omit<Outputs, "haltingSteps">,
): Generator<Uint8Array, void> {
  const encoder = new TextEncoder();
  const classes = logits.length / labels.length;
  const probabilities = new Float64Array(classes);
  const data = dataSha256.slice(0, HASH_DIGITS);
  yield encoder.encode(formatCsvRow(COLUMNS));
  for (let start = 0; start < labels.length; start += PIECE) {
    let piece = "";
    for (let r = start; r < Math.min(labels.length, start + PIECE); r++) {
      const largest = largestIndex(softmax(logits, r * classes, classes, probabilities));
      const finite = probabilities.every(Number.isFinite);
      const said = finite ? [largest, probabilities[largest]] : [null, null];
      piece += formatCsvRow([run, step, epoch, split, data, indices[r], labels[r], ...said]);
    }
    yield encoder.encode(piece);
  }
}

/**
 * The predictions in a file, in bounded memory; a half-written last line is no prediction. Throws DataError with the
 * line for a wrong header or field, or when the file cannot be read.
 */
export async function* readPredictions(path: string): AsyncGenerator<Prediction, void> {
  for await (const { values, line } of readTable(path, { columns: COLUMNS, hint: HINT })) {
    const [, , , split, data, review, label, predicted] = values;
    const count = (column: string, text: string) => {
      if (/^[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
      throw fieldFault({ path, line, hint: HINT }, column, text, "a whole number");
    };
    yield {
      split,
      data,
      review: count("review", review),
      label: count("label", label),
      predicted: predicted === "" ? null : count("predicted", predicted),
    };
  }
}
