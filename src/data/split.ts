import { DataError, UsageError } from "../errors.ts";
import { Purpose, RandomStream } from "../model/random.ts";
import type { DatasetSplit } from "./dataset.ts";

export interface SplitOptions {
  /** Seed of the shuffle, a whole number from 0 to 2^53 − 1. */
  readonly seed: number;
  /** Share of the reviews held out, above 0 and below 1. */
  readonly validationShare: number;
}

const CLASS_NAMES = ["negative", "positive"] as const;

/**
 * Parts the reviews in two, at random but determined by the seed, so that each class has its share of both parts:
 * of n reviews of a class, n · validationShare are held out, rounded, at least one and at most n − 1.
 * Review numbers rise within each part.
 *
 * @param labels 0 negative, 1 positive [reviews].
 * @throws UsageError when the share is not between 0 and 1; DataError when a class has fewer than two reviews.
 */
export function stratifiedSplit(labels: Uint8Array, { seed, validationShare }: SplitOptions): DatasetSplit {
  if (!(validationShare > 0 && validationShare < 1)) {
    throw new UsageError(
      `Cannot hold out a share of the reviews: validationShare ${validationShare}`,
      "Give a number above 0 and below 1.",
    );
  }
  const held = new Uint8Array(labels.length);
  let heldCount = 0;
  for (const [label, name] of CLASS_NAMES.entries()) {
    const members = membersOf(labels, label);
    if (members.length < 2) {
      throw new DataError(
        `Cannot split the reviews into training and validation: ${members.length} ${name}, at least 2 wanted`,
        "Give reviews of both classes.",
      );
    }
    const count = Math.min(members.length - 1, Math.max(1, Math.round(members.length * validationShare)));
    new RandomStream(seed, Purpose.split, label).shuffle(members);
    for (const review of members.subarray(0, count)) held[review] = 1;
    heldCount += count;
  }
  const validation = new Uint32Array(heldCount);
  const train = new Uint32Array(labels.length - heldCount);
  let [v, t] = [0, 0];
  held.forEach((out, review) => {
    if (out === 1) validation[v++] = review;
    else train[t++] = review;
  });
  return { train, validation };
}

function membersOf(labels: Uint8Array, label: number): Uint32Array {
  let count = 0;
  for (const found of labels) if (found === label) count++;
  const members = new Uint32Array(count);
  let place = 0;
  labels.forEach((found, review) => {
    if (found === label) members[place++] = review;
  });
  return members;
}
