import { setImmediate } from "node:timers";

/** Longest time for which timers, signals and the progress line may wait. */
const LONGEST_TURN_MS = 20;

/** Returns a function to be awaited between batches: it lets the event loop run when its turn is due. */
export function turnTaker(clock: () => number): () => Promise<void> {
  let last = clock();
  return async () => {
    if (clock() - last < LONGEST_TURN_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    last = clock();
  };
}
