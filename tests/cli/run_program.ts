import { fileURLToPath } from "node:url";

/** How a run of the program ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What stands on standard input; nothing by default. */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** No colours, and no defaults of whoever runs the tests. */
const ENVIRONMENT = { NO_COLOR: "1", XDG_CONFIG_HOME: fileURLToPath(new URL("./no-such-folder", import.meta.url)) };

/** The words that start the program, and what they need in the environment. */
export function programParts(args: readonly string[]): { args: string[]; env: Record<string, string> } {
  return { args: [Deno.execPath(), "run", "-A", "--config", CONFIG, MAIN, ...args], env: ENVIRONMENT };
}

/** The command that starts the program as a child process; `runtime` are flags for Deno itself. */
export function programCommand(
  args: readonly string[],
  options: Deno.CommandOptions = {},
  runtime: readonly string[] = [],
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
    args: ["run", "-A", "--config", CONFIG, ...runtime, MAIN, ...args],
    env: { ...ENVIRONMENT, ...options.env },
  });
}

/** Runs the real program to its end. */
export async function runProgram(args: readonly string[], { input, env, cwd }: RunOptions = {}): Promise<Finished> {
  const child = programCommand(args, {
    stdin: input === undefined ? "null" : "piped",
    ...env === undefined ? {} : { env },
    ...cwd === undefined ? {} : { cwd },
  }).spawn();
  const output = child.output();
  if (input !== undefined) await feed(child.stdin, input);
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a line of bash in which `"$@"` stands for the program and its arguments. */
export async function runShell(
  line: string,
  args: readonly string[],
  { env, cwd }: Pick<RunOptions, "env" | "cwd"> = {},
): Promise<Finished> {
  const shell = new Deno.Command("bash", {
    args: ["-c", line, "bash", ...programParts(args).args],
    env: { ...ENVIRONMENT, ...env },
    ...cwd === undefined ? {} : { cwd },
  });
  const { code, stdout, stderr } = await shell.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A program that stops reading early is no failure of the one who writes. */
async function feed(stdin: WritableStream<Uint8Array>, input: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Calls `body` with a folder that is removed afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "epsilon-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
