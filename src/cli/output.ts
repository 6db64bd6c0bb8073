import process from "node:process";
import { styleText } from "node:util";
import { DataError } from "../errors.ts";
import { escapedJson } from "../files/escaped_json.ts";
import { escapeControls } from "../files/printable.ts";
import { describeFailure, OutputClosed } from "./errors.ts";

/** Where a command prints: results to standard output, everything else to standard error. */
export interface Terminal {
  /** Whether standard output is a terminal. */
  readonly interactive: boolean;
  /** Writes a result; throws OutputClosed when the reader has gone and DataError when the disk is full. */
  write(text: string): Promise<void>;
  /** Writes a line of talk to standard error; control characters are shown, not obeyed. */
  say(line: string): void;
  /** Like `say`, marked as a warning. */
  warn(line: string): void;
}

/**
 * Writes the last of a result, behind which only the exit code is left to tell: it counts also where the reader of the
 * result has gone.
 */
export async function writeLast(terminal: Terminal, text: string): Promise<void> {
  try {
    await terminal.write(text);
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}

const encoder = new TextEncoder();

/** The terminal of this process. */
export const processTerminal: Terminal = {
  interactive: Deno.stdout.isTerminal(),
  write: writeResult,
  say: (line) => writeTalk(`${visible(line)}\n`),
  warn: (line) => writeTalk(`${mark("yellow", "warning:")} ${visible(line)}\n`),
};

/** Prints a failure as one line on standard error, with its stack when EPSILON_DEBUG is set; returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof OutputClosed) return 0;
  const { line, exitCode } = describeFailure(error);
  writeTalk(`${mark("red", "error:")} ${visible(line)}\n`);
  if (Deno.env.get("EPSILON_DEBUG")) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) writeTalk(`${cause.stack ?? cause.message}\n`);
  }
  return exitCode;
}

/** `text` with control characters as `\u{…}`, so that what a file holds cannot steer a terminal. */
export function visible(text: string): string {
  return escapeControls(text);
}

/** Version of every JSON result: raised when a key goes or changes its meaning, not when one is added. */
export const JSON_VERSION = 1;

/** A result as one JSON document with its version and a final newline; numbers that are not finite become null. */
export function jsonDocument(result: object): string {
  return `${escapedJson({ version: JSON_VERSION, ...result }, 2)}\n`;
}

function mark(colour: "red" | "yellow", word: string): string {
  return styleText([colour, "bold"], word, { stream: process.stderr });
}

async function writeResult(text: string): Promise<void> {
  const bytes = encoder.encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`Cannot write the result: standard output: ${reason}`, "Free some space or redirect it.", {
      cause: error,
    });
  }
}

/** Talk is a courtesy: a standard error that nobody reads must not end a run. */
function writeTalk(text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
  } catch {
    return;
  }
}
