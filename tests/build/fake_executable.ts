import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { packSelfUnpacking } from "../../.ci/build/self_unpacking.ts";
import { findTarget } from "../../.ci/build/targets.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Prints where it lies and what it was given; its check `--version`, made once an unpacking, leaves a line in $CHECKS. */
const RUNTIME = `#!/bin/sh
if [ "$1" = --version ]; then echo checked >>"\${CHECKS:-/dev/null}"; exit 0; fi
printf '%s\\n' "$0" "$@"
`;

export interface FakeParts {
  /** In the place of Deno: a script. */
  readonly runtime?: string;
  /** Bytes of a module that nobody compresses. */
  readonly ballast?: number;
}

/** A self-unpacking file like the real one, with a small script in Deno's place. */
export async function writeFakeExecutable(folder: string, parts: FakeParts = {}): Promise<string> {
  const ballast = new Uint8Array(randomBytes(parts.ballast ?? 2000));
  const { bytes } = await packSelfUnpacking({
    version: "1.2.3+0123456789ab",
    target: findTarget("linux-x64"),
    runtime: bytesOf(parts.runtime ?? RUNTIME),
    bundle: new Map([["main.js", bytesOf("main")], ["src/worker.js", ballast]]),
    licenses: "licence",
  });
  const path = join(folder, "epsilon");
  await Deno.writeFile(path, bytes, { mode: 0o755 });
  return path;
}

export type Environment = Readonly<Record<string, string>>;

/** How a start ended. */
export interface Start {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `command` with nothing in the environment but PATH, no folder for temporary files, and `env`. */
export async function start(command: readonly string[], env: Environment): Promise<Start> {
  const { code, stdout, stderr } = await new Deno.Command(command[0], {
    args: command.slice(1),
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", TMPDIR: "/dev/null", ...env },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Names below `folder` that are not the unpacked program's own. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
  return names.sort();
}
