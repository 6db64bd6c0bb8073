import type { TrainPosition } from "./events.ts";
import { EMPTY_SUMS } from "./sums.ts";

/** Before the first step. */
export const START_POSITION: TrainPosition = {
  step: 0,
  epoch: 0,
  batch: 0,
  sums: EMPTY_SUMS,
  bestAccuracy: -1,
  bestEpoch: 0,
  epochsSinceBest: 0,
};
