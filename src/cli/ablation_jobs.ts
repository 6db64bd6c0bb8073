import { ownProgram } from "../files/own_program.ts";

/** A child process that works on one line of a plan. */
export interface LineResult {
  readonly line: number;
  readonly code: number;
  /** The last line that it said on standard error. */
  readonly lastWords: string;
}

export interface JobsOptions {
  /** Path of the plan, and the lines of it that are to be worked on, in this order. */
  readonly plan: string;
  readonly lines: readonly number[];
  /** Children at a time. */
  readonly jobs: number;
  /** Aborted to start no more lines and to have those under way save and end. */
  readonly signal: AbortSignal;
  readonly onResult: (result: LineResult) => void;
}

/**
 * Works on lines of a plan side by side, each in a child process of this program, so that a crash or a leak of one costs
 * no other. Returns when no child is left; throws what `onResult` throws, or the system when it starts no child.
 */
export async function runLines({ plan, lines, jobs, signal, onResult }: JobsOptions): Promise<void> {
  const waiting = [...lines];
  const children = new Set<Deno.ChildProcess>();
  const stop = () => children.forEach(endOrderly);
  signal.addEventListener("abort", stop);
  const work = async () => {
    for (let line = waiting.shift(); line !== undefined && !signal.aborted; line = waiting.shift()) {
      const child = startLine(plan, line);
      children.add(child);
      try {
        const [said, { code }] = await Promise.all([new Response(child.stderr).text(), child.status]);
        onResult({ line, code, lastWords: said.trimEnd().split("\n").at(-1) ?? "" });
      } finally {
        children.delete(child);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, lines.length) }, work));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** In a process group of its own, so that a Ctrl-C reaches the child through this process, and once. */
function startLine(plan: string, line: number): Deno.ChildProcess {
  const { command, args } = ownProgram();
  const child = new Deno.Command(command, {
    args: [...args, "ablate", "run", plan, "--line", String(line)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    detached: Deno.build.os !== "windows",
  });
  return child.spawn();
}

/** The signal on which training saves; it may have ended meanwhile. */
function endOrderly(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    return; // it is gone already
  }
}
