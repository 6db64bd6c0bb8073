import { RunError } from "../../src/errors.ts";
import { isProgramOf, ownTarget, type Target } from "./targets.ts";

/** A start that takes longer than this opened a prompt, or hangs. */
const PATIENCE_MS = 120_000;

/**
 * Runs the executable `path` and compares what it says its version is. `DENORT_BIN` set to a whole Deno, for one,
 * compiles without an error into a file that knows nothing of the program. Throws RunError when it is not the program.
 */
export async function proveRuns(path: string, version: string): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "epsilon-proof-" });
  try {
    const child = new Deno.Command(path, {
      args: ["--version"],
      env: { HOME: home, XDG_CACHE_HOME: home, LOCALAPPDATA: home, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).spawn();
    const { code, stdout, stderr } = await child.output();
    const said = new TextDecoder().decode(stdout);
    if (code === 0 && said.trimEnd() === version) return;
    const answer = `${said}${new TextDecoder().decode(stderr)}`.trim().split("\n")[0];
    throw new RunError(
      `Cannot use what was built: asked for its version, ${version}, it ends with ${code} and says "${answer}"`,
      Deno.env.get("DENORT_BIN") === undefined
        ? "Report this."
        : "DENORT_BIN must name denort of the same version, not deno.",
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Whether this machine can run programs of `target`, as far as the build knows. */
export function runsHere(target: Target): boolean {
  return target === ownTarget();
}

/** For a platform that is not this one: the first bytes must be of it. Throws RunError when they are not. */
export function checkKind(bytes: Uint8Array, target: Target): void {
  if (isProgramOf(target, bytes)) return;
  throw new RunError(
    `Cannot use what was built: it is no program for ${target.triple}`,
    "DENORT_BIN, if it is set, must name denort of that platform.",
  );
}
