/**
 * `deno task build`: makes `dist/epsilon` for this machine, or for another with `--target`, and `dist/SHA256SUMS`.
 * Two ways lead to one file: `deno compile` where its base binary can be had (network, or DENORT_BIN), else a file that
 * unpacks itself. What can run here is run before it gets its name.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import project from "../deno.json" with { type: "json" };
import { describeFailure } from "../src/cli/errors.ts";
import { UsageError } from "../src/errors.ts";
import { writeFileAtomically } from "../src/files/atomic.ts";
import { makeFolder } from "../src/files/make_folder.ts";
import { builtFrom, bundleProgram, type Files } from "./build/bundle.ts";
import { compileBundle, NoBaseBinary } from "./build/compile.ts";
import { collectLicenses } from "./build/licenses.ts";
import { checkKind, proveRuns, runsHere } from "./build/proof.ts";
import { fetchRuntime, sha256 } from "./build/runtime.ts";
import { packSelfUnpacking } from "./build/self_unpacking.ts";
import { findTarget, ownTarget, type Target } from "./build/targets.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HELP = `Usage: deno task build [--target T] [--way W] [--out DIR]

  --target T   platform: linux-x64, linux-arm64, macos-x64, macos-arm64, windows-x64, or the compiler's name of one
               (default: this machine's)
  --way W      compile: by deno compile, onto the base binary that it fetches or that DENORT_BIN names
               self-unpacking: Deno's own program and the bundle, unpacked by the first start
               auto: the first if its base binary can be had, else the second (default)
  --out DIR    folder of the result (default: dist)
`;

const WAYS = ["auto", "compile", "self-unpacking"] as const;
type Way = typeof WAYS[number];

interface Job {
  readonly version: string;
  readonly target: Target;
  readonly bundle: Files;
  readonly licenses: string;
  /** Path of the result, without an ending. */
  readonly path: string;
  /** Path of what nobody has run yet. */
  readonly unproved: string;
}

async function build(args: readonly string[]): Promise<void> {
  const { target, way, out } = readArguments(args);
  if (target === "help") {
    console.log(HELP);
    return;
  }
  await makeFolder(out);
  const stamp = await builtFrom(ROOT);
  const bundle = await bundleProgram(ROOT, stamp);
  const chosen = target ?? ownTarget();
  const name = target === undefined ? "epsilon" : `epsilon-${chosen.triple}`;
  const licenses = await collectLicenses(ROOT);
  const job: Job = {
    version: `${project.version}${stamp}`,
    target: chosen,
    bundle,
    licenses,
    path: join(out, name),
    unproved: join(out, `.${name}.unproved${chosen.system === "windows" ? ".exe" : ""}`),
  };
  console.log(`Built epsilon ${job.version}: ${await make(job, way)}`);
  await writeFileAtomically(join(out, "LICENSES.txt"), licenses);
  await writeChecksums(out);
}

function readArguments(args: readonly string[]): { target?: Target | "help"; way: Way; out: string } {
  const options = {
    target: { type: "string" },
    way: { type: "string", default: "auto" },
    out: { type: "string", default: join(ROOT, "dist") },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values } = readOptions(() => parseArgs({ args: [...args], options, strict: true }));
  const way = WAYS.find((name) => name === values.way);
  if (way === undefined) throw new UsageError(`Cannot build by "${values.way}"`, `Take one of ${WAYS.join(", ")}.`);
  if (values.help) return { target: "help", way, out: values.out };
  return { ...values.target === undefined ? {} : { target: findTarget(values.target) }, way, out: values.out };
}

function readOptions<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`Cannot build: ${error instanceof Error ? error.message : error}`, "See --help.");
  }
}

async function make(job: Job, way: Way): Promise<string> {
  if (way === "self-unpacking") return await makeSelfUnpacking(job);
  try {
    return await makeCompiled(job);
  } catch (error) {
    if (way === "compile" || !(error instanceof NoBaseBinary)) throw error;
    console.error(`${error.message}; making a self-unpacking file instead.`);
    return await makeSelfUnpacking(job);
  }
}

async function makeCompiled({ bundle, target, path, unproved, version }: Job): Promise<string> {
  const result = target.system === "windows" ? `${path}.exe` : path;
  try {
    await compileBundle(bundle, target, unproved);
    const bytes = await Deno.readFile(unproved);
    if (runsHere(target)) await proveRuns(unproved, version);
    else checkKind(bytes, target);
    await Deno.rename(unproved, result);
    return describe(result, bytes.length, "compiled", target);
  } finally {
    await Deno.remove(unproved).catch(() => {});
  }
}

async function makeSelfUnpacking({ bundle, licenses, target, path, unproved, version }: Job): Promise<string> {
  const runtime = await fetchRuntime(target);
  const { bytes, unpackedBytes } = await packSelfUnpacking({ version, target, runtime, bundle, licenses });
  const archive = target.system === "windows";
  const result = archive ? `${path}.tar.gz` : path;
  try {
    await writeFileAtomically(unproved, bytes);
    if (!archive) await Deno.chmod(unproved, 0o755);
    if (runsHere(target) && !archive) await proveRuns(unproved, version);
    await Deno.rename(unproved, result);
  } finally {
    await Deno.remove(unproved).catch(() => {});
  }
  const kind = archive ? "to be unpacked" : "self-unpacking";
  return describe(result, bytes.length, `${kind}, ${megabytes(unpackedBytes)} unpacked`, target);
}

function describe(path: string, bytes: number, how: string, target: Target): string {
  const shown = relative(Deno.cwd(), path);
  const proof = runsHere(target) ? "" : "; not run, since this machine is another";
  return `${shown} for ${target.triple}, ${megabytes(bytes)}, ${how}${proof}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `SHA256SUMS` of all executables in `folder`, as `sha256sum --check` reads it. */
async function writeChecksums(folder: string): Promise<void> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile && name.startsWith("epsilon")) names.push(name);
  const lines: string[] = [];
  for (const name of names.sort()) lines.push(`${sha256(await Deno.readFile(join(folder, name)))}  ${name}\n`);
  await writeFileAtomically(join(folder, "SHA256SUMS"), lines.join(""));
}

if (import.meta.main) {
  try {
    await build(Deno.args);
  } catch (error) {
    const { line, exitCode } = describeFailure(error);
    console.error(`error: ${line}`);
    Deno.exit(exitCode);
  }
}
