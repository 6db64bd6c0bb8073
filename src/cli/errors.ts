import { EpsilonError } from "../errors.ts";
import { fileError, systemCode } from "../files/file_error.ts";

/** How a failure ends the program: one line for people and an exit code. */
export interface Failure {
  readonly line: string;
  readonly exitCode: number;
}

/** Thrown by writes to standard output when its reader has gone (`| head`): the program ends quietly. */
export class OutputClosed extends Error {
  constructor() {
    super("standard output is closed");
    this.name = "OutputClosed";
  }
}

const FAILURE_EXIT_CODE = 1;

/**
 * Describes any thrown value in one line that says what to do. Errors of the house carry their own words; system errors
 * that slipped through count as file errors; anything else is a fault of the program, exit code 1.
 */
export function describeFailure(error: unknown): Failure {
  if (error instanceof EpsilonError) return { line: sentence(error.message, error.hint), exitCode: error.exitCode };
  if (!(error instanceof Error)) return unexpected(String(error));
  if (systemCode(error) !== undefined || error instanceof Deno.errors.NotCapable) {
    return describeFailure(fileError("Cannot reach a file:", error.message, error));
  }
  const message = error.message.split("\n")[0];
  if (error instanceof RangeError && /allocation|Invalid (typed )?array length/i.test(message)) {
    const hint = "Use a smaller batch, shorter sequences or a machine with more memory.";
    return { line: sentence(`Cannot get memory: ${message}`, hint), exitCode: FAILURE_EXIT_CODE };
  }
  return unexpected(`${error.name}: ${message}`);
}

function unexpected(detail: string): Failure {
  const hint = "This is a fault of epsilon; set EPSILON_DEBUG=1 to see where it happened.";
  return { line: sentence(`Cannot go on: ${detail}`, hint), exitCode: FAILURE_EXIT_CODE };
}

function sentence(message: string, hint: string): string {
  return `${message.replace(/[.]$/, "")}. ${hint}`;
}
