import type { StepResult } from "../engine/engine.ts";
import type { BatchSize, Stopwatch } from "./sums.ts";

/** A stopwatch over the batches that were added to it; their seconds are added by who timed them. */
export class RunningStopwatch implements Stopwatch {
  seconds = 0;
  tokens = 0;
  reviews = 0;
  tokenSteps = 0;

  add({ sequences, tokens, result }: BatchSize & { readonly result: StepResult }): void {
    this.tokens += tokens;
    this.reviews += sequences;
    this.tokenSteps += result.tokenSteps;
  }
}
