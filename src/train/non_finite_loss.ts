import { precisionOf } from "../engine/precision.ts";
import { RunError } from "../errors.ts";

/** A loss or gradient became NaN or infinite: the weights before that step are the last good ones. Exit code 1. */
export class NonFiniteLossError extends RunError {
  constructor(
    /** Optimizer steps taken before the failing one. */
    readonly step: number,
    what: string,
    /** The engine's. */
    arithmetic: string,
  ) {
    super(
      `Training stopped: the ${what} is not finite after ${step} optimizer steps`,
      precisionOf(arithmetic) === "f16"
        ? "Half precision ends at 65504: go on with --resume and --precision f32, or lower --learning-rate."
        : "Lower --learning-rate or --clip-grad-norm, or raise --warmup-steps.",
    );
  }
}
