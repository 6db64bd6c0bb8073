import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError } from "../../src/errors.ts";
import { readTar } from "../../src/libraries/archive.ts";
import { RUNTIME_VERSION, type Target } from "./targets.ts";
import { runTool } from "./tool.ts";

/** No platform's Deno is near this many bytes. */
const LARGEST = 256 * 2 ** 20;

/**
 * Deno's own program for `target`: the one that runs this build where it is that one, else from the platform's npm
 * package. Throws DataError when its SHA-256 is not the expected one.
 */
export async function fetchRuntime(target: Target): Promise<Uint8Array> {
  if (Deno.build.target === target.triple) {
    const own = await Deno.readFile(Deno.execPath());
    if (sha256(own) === target.npm.sha256) return own;
  }
  const name = `${target.npm.name}@${RUNTIME_VERSION}`;
  const folder = await Deno.makeTempDir({ prefix: "epsilon-runtime-" });
  try {
    const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
    await runTool(`fetch ${name}`, npm, ["pack", "--silent", "--prefer-offline", name], { cwd: folder });
    const [file] = await Array.fromAsync(Deno.readDir(folder));
    const runtime = await runtimeIn(join(folder, file.name), name);
    const found = sha256(runtime);
    if (found === target.npm.sha256) return runtime;
    throw new DataError(
      `Cannot use ${name}: the SHA-256 of its program is ${found}, wanted ${target.npm.sha256}`,
      "The package was changed on the way or in the registry; do not use it.",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runtimeIn(path: string, name: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  for await (const entry of readTar(file.readable.pipeThrough(new DecompressionStream("gzip")), name)) {
    if (/^package\/deno(\.exe)?$/.test(entry.name)) return await entry.bytes(LARGEST);
  }
  throw new DataError(`Cannot use ${name}: it holds no program`, "Check the package's name and version.");
}

/** SHA-256 in lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
