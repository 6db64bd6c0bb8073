import { RunError } from "../errors.ts";

/** A loss or gradient became NaN or infinite: the weights before that step are the last good ones. Exit code 1. */
export class NonFiniteLossError extends RunError {
  constructor(
    /** Optimizer steps taken before the failing one. */
    readonly step: number,
    what: string,
  ) {
    super(
      `Training stopped: the ${what} is not finite after ${step} optimizer steps`,
      "Lower --learning-rate or --clip-grad-norm, or raise --warmup-steps.",
    );
  }
}
