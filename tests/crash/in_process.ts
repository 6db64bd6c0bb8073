import type { Terminal } from "../../src/cli/output.ts";
import { runProgram } from "../../src/cli/program.ts";

/** How the program ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in this process, so that its file functions can be watched and a run costs a few milliseconds. */
export async function runHere(args: readonly string[]): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  const terminal: Terminal = {
    interactive: false,
    write: (text) => Promise.resolve(void (said.stdout += text)),
    say: (line) => void (said.stderr += `${line}\n`),
    warn: (line) => void (said.stderr += `warning: ${line}\n`),
  };
  const decoder = new TextDecoder();
  const { writeSync } = Deno.stderr;
  Deno.stderr.writeSync = (bytes) => {
    said.stderr += decoder.decode(bytes);
    return bytes.length;
  };
  try {
    return { code: await runProgram(args, terminal), ...said };
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
}
