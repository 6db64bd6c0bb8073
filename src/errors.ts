/**
 * The errors a user can meet. Each carries a `hint` (how to mend it) and the exit code of the process.
 * Messages follow one law: capital, no full stop, the action, then a colon and the details.
 */
export abstract class EpsilonError extends Error {
  /** Exit code of the process when this error ends a command. */
  abstract readonly exitCode: number;
  /** One sentence that tells how to mend it. */
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** The run itself failed: a non-finite loss, a worker that died. Exit code 1. */
export class RunError extends EpsilonError {
  readonly exitCode = 1;
}

/** A sequence is longer than what the device can compute. Exit code 1. */
export class LengthError extends RunError {}

/** A flag, key or argument is wrong. Exit code 2. */
export class UsageError extends EpsilonError {
  readonly exitCode = 2;
}

/** A file or its content is missing, broken or of another shape. Exit code 3. */
export class DataError extends EpsilonError {
  readonly exitCode = 3;
}

/** The asked device is not there. Exit code 4. */
export class DeviceError extends EpsilonError {
  readonly exitCode = 4;
}

/** Computed values differ from the expected ones. Exit code 5. */
export class VerificationError extends EpsilonError {
  readonly exitCode = 5;
}
