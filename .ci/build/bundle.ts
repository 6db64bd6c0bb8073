import { join, posix, relative } from "node:path";
import { RunError } from "../../src/errors.ts";
import { BUILD_MARK } from "../../src/version.ts";
import { nameByContent } from "./stable_names.ts";
import { runTool } from "./tool.ts";

/** The bundle's files by their path below its folder, with forward slashes, in order. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A module that runs in a worker: where the source starts it, and its own path. */
interface WorkerModule {
  /** What stands in `new URL("…", import.meta.url)`. */
  readonly specifier: string;
  readonly path: string;
}

/**
 * Bundles the program in `root` with all that it imports: kernels, vocabulary, sample, golden values and the built-in
 * model are texts and bytes inside. `main.js` starts it; what a command needs beyond that it loads when it runs, and
 * worker modules stand beside. `version` is stamped in (`+COMMIT`). The same sources give the same bytes.
 */
export async function bundleProgram(root: string, version: string): Promise<Files> {
  const workers = await workerModules(root);
  const folder = await Deno.makeTempDir({ prefix: "epsilon-bundle-" });
  try {
    const options = ["--quiet", "--frozen", "--minify", "--code-splitting", "--outdir", folder];
    await runTool("bundle", Deno.execPath(), ["bundle", ...options, "main.ts", ...workers.map(({ path }) => path)], {
      cwd: root,
    });
    return stamped(nameByContent(await readFolder(folder)), workers, version);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function workerModules(root: string): Promise<WorkerModule[]> {
  const found: WorkerModule[] = [];
  for await (const [path, bytes] of filesBelow(root, "src")) {
    if (!path.endsWith(".ts")) continue;
    for (const [, specifier] of new TextDecoder().decode(bytes).matchAll(MODULE_ADDRESS)) {
      found.push({ specifier, path: posix.join(posix.dirname(path), specifier) });
    }
  }
  const names = new Set(found.map(({ specifier }) => specifier));
  if (names.size < found.length) {
    throw new RunError(
      `Cannot bundle: two of these workers are started by the same text: ${found.map(({ path }) => path).join(", ")}`,
      "Rename one of them.",
    );
  }
  return found;
}

const MODULE_ADDRESS = /\bnew URL\("(\.[^"]+\.ts)",\s*import\.meta\.url\)/g;

/** The bundler leaves the address of a worker as it stands in the source, and all pieces that have one lie at the top. */
function stamped(files: Files, workers: readonly WorkerModule[], version: string): Files {
  const addresses = new Map(workers.map(({ specifier, path }) => [specifier, `./${path.replace(/\.ts$/, ".js")}`]));
  const used = new Set<string>();
  let marks = 0;
  const result = [...files].map(([path, bytes]): [string, Uint8Array] => {
    const text = new TextDecoder().decode(bytes).replaceAll(MODULE_ADDRESS, (_, specifier: string) => {
      const address = addresses.get(specifier);
      if (address === undefined || path.includes("/")) throw broken(`${path} starts ${specifier}, which is not there`);
      used.add(specifier);
      return `new URL("${address}",import.meta.url)`;
    }).replaceAll(BUILD_MARK, () => {
      marks++;
      return version;
    });
    return [path, new TextEncoder().encode(text)];
  });
  if (used.size < workers.length) throw broken("a worker is started nowhere");
  if (marks === 0) throw broken("its version has no place");
  return new Map(result);
}

function broken(reason: string): RunError {
  return new RunError(`Cannot use the bundle: ${reason}`, "Look at how src/ starts its workers and at src/version.ts.");
}

async function readFolder(folder: string): Promise<Files> {
  return new Map(await Array.fromAsync(filesBelow(folder, "")));
}

async function* filesBelow(root: string, folder: string): AsyncGenerator<[path: string, bytes: Uint8Array]> {
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = join(root, folder, entry.name);
    const name = relative(root, path).replaceAll("\\", "/");
    if (entry.isDirectory) yield* filesBelow(root, name);
    else if (entry.isFile) yield [name, await Deno.readFile(path)];
  }
}

/** `+0123456789ab`, with `.changed` when the checkout differs from that commit; `+unknown` outside a repository. */
export async function builtFrom(root: string): Promise<string> {
  const git = async (...args: string[]): Promise<string | undefined> => {
    const command = new Deno.Command("git", { args, cwd: root, stdin: "null", stderr: "null" });
    const output = await command.output().catch(() => undefined);
    return output?.success ? new TextDecoder().decode(output.stdout).trim() : undefined;
  };
  const commit = await git("rev-parse", "--short=12", "HEAD");
  if (commit === undefined) return "+unknown";
  return `+${commit}${await git("status", "--porcelain") === "" ? "" : ".changed"}`;
}
