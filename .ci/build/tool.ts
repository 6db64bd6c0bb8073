import { basename } from "node:path";
import { RunError } from "../../src/errors.ts";

/** Options of `runTool`; the child sees nothing on standard input. */
export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a tool to its end. Throws RunError with the last lines that it said when it fails or is not there. */
export async function runTool(
  action: string,
  command: string,
  args: readonly string[],
  { cwd, env }: ToolOptions = {},
): Promise<string> {
  const options: Deno.CommandOptions = { args: [...args], stdin: "null", env: { ...env, NO_COLOR: "1" } };
  if (cwd !== undefined) options.cwd = cwd;
  const output = await new Deno.Command(command, options).output().catch((cause) => {
    throw new RunError(`Cannot ${action}: ${command} does not start`, `Install ${command}.`, { cause });
  });
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  const said = reasons(decoder.decode(output.stderr));
  throw new RunError(
    `Cannot ${action}: ${basename(command)} ended with ${output.code}: ${said}`,
    "Mend what it names.",
  );
}

/** What a tool said, as one line; Deno numbers its reasons and ends with a trace. */
function reasons(text: string): string {
  return text.replace(/^Stack backtrace:[^]*/m, "").split("\n").map((line) =>
    line.replace(/^\s*(\d+: |error: )?/, "").trim()
  )
    .filter((line) => line !== "" && line !== "Caused by:").slice(-LINES).join(": ");
}

const LINES = 6;
