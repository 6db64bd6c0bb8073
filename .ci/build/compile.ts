import { dirname, join } from "node:path";
import { RunError } from "../../src/errors.ts";
import { PERMISSIONS } from "../../src/files/own_program.ts";
import type { Files } from "./bundle.ts";
import type { Target } from "./targets.ts";
import { runTool } from "./tool.ts";

/** The base binary of `deno compile` (`denort`) cannot be had: no network, and DENORT_BIN is not set. */
export class NoBaseBinary extends RunError {}

/**
 * Compiles the bundle into the one file `output` by `deno compile`; nobody has run it yet. The program may start any
 * other, since its own path, which would do, is not known before it is installed.
 *
 * @throws NoBaseBinary when there is nothing to compile onto; RunError when compiling fails.
 */
export async function compileBundle(bundle: Files, target: Target, output: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "epsilon-compile-" });
  try {
    for (const [path, bytes] of bundle) {
      await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeFile(join(folder, path), bytes);
    }
    // Workers are not imported by anything, so that the compiler does not see them.
    const workers = [...bundle.keys()].filter((path) => path.includes("/"));
    const options = ["--quiet", "--no-check", "--no-config", "--no-lock", "--no-npm", "--no-code-cache", "--no-prompt"];
    const included = workers.flatMap((path) => ["--include", path]);
    const args = [...options, ...PERMISSIONS, "--allow-run", ...included];
    await runTool(
      "compile",
      Deno.execPath(),
      ["compile", ...args, "--target", target.triple, "-o", output, "main.js"],
      {
        cwd: folder,
      },
    );
  } catch (error) {
    const unreachable = error instanceof RunError && /base binary/i.test(error.message);
    if (!unreachable || Deno.env.get("DENORT_BIN") !== undefined) throw error;
    throw new NoBaseBinary(
      "Cannot compile: the base binary of deno compile cannot be fetched",
      "Give its path in DENORT_BIN, or build with --way self-unpacking.",
      { cause: error },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
