import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import {
  array,
  checkShape,
  exactOptional,
  finite,
  minValue,
  nullable,
  number,
  pipe,
  safeInteger,
  strictObject,
} from "../libraries/schema.ts";
import type { TrainPosition } from "../train/events.ts";

const count = pipe(number(), safeInteger(), minValue(0));
const real = pipe(number(), finite());

const POSITION = strictObject({
  step: count,
  epoch: count,
  batch: count,
  sums: strictObject({
    batches: count,
    sequences: count,
    tokens: count,
    tokenSteps: count,
    correct: count,
    taskLoss: real,
    klLoss: real,
    entropyLoss: real,
    gradNorm: real,
  }),
  bestAccuracy: real,
  bestEpoch: count,
  epochsSinceBest: count,
  aids: exactOptional(strictObject({
    resonance: exactOptional(strictObject({
      gain: real,
      lastMetric: nullable(real),
      stagnantSteps: count,
      lossSum: real,
      losses: count,
    })),
    suppression: exactOptional(strictObject({ losses: array(real), surprises: array(real) })),
  })),
});

/** The training position out of a checkpoint's metadata; throws DataError naming the file and the key that is wrong. */
export function readTrainPosition(value: unknown, fileName: string): TrainPosition {
  const result = checkShape(POSITION, value);
  if ("value" in result) return result.value;
  throw new DataError(
    `Cannot resume from ${printable(fileName)}: training position: ${printable(result.fault)}`,
    "Resume with the version of epsilon that saved it.",
  );
}
