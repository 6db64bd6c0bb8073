import { gzipSync } from "node:zlib";
import { RunError } from "../../src/errors.ts";
import { RUNTIME_ARGUMENTS } from "../../src/files/own_program.ts";
import { type TarFile, writeTar } from "../../src/libraries/archive.ts";
import type { Files } from "./bundle.ts";
import { sha256 } from "./runtime.ts";
import type { Target } from "./targets.ts";

/** What goes into an executable. */
export interface Contents {
  readonly version: string;
  readonly target: Target;
  /** The platform's Deno. */
  readonly runtime: Uint8Array;
  readonly bundle: Files;
  readonly licenses: string;
}

/** An executable that unpacks itself, and the bytes it then takes. */
export interface SelfUnpacking {
  readonly bytes: Uint8Array;
  readonly unpackedBytes: number;
}

/**
 * One file for Linux or macOS: `launcher.sh` with the archive of Deno and the bundle behind it. For Windows, whose shell
 * cannot do that, a plain .tar.gz with a folder that holds the same and `epsilon.cmd`.
 */
export async function packSelfUnpacking(contents: Contents): Promise<SelfUnpacking> {
  const files = unpackedFiles(contents);
  const unpackedBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (contents.target.system === "windows") return { bytes: gzipSync(await writeTar(files)), unpackedBytes };
  const archive: Uint8Array = gzipSync(await writeTar(files));
  const launcher = await launcherOf(contents, files, archive, unpackedBytes);
  const bytes = new Uint8Array(launcher.length + archive.length);
  bytes.set(launcher);
  bytes.set(archive, launcher.length);
  return { bytes, unpackedBytes };
}

function unpackedFiles({ target, runtime, bundle, licenses }: Contents): TarFile[] {
  const below = target.system === "windows" ? "epsilon/" : "";
  const program: TarFile = {
    name: `${below}epsilon${target.system === "windows" ? ".exe" : ""}`,
    bytes: runtime,
    executable: true,
  };
  const app = [...bundle].map(([name, bytes]): TarFile => ({ name: `${below}app/${name}`, bytes }));
  const files = [program, { name: `${below}LICENSES.txt`, bytes: new TextEncoder().encode(licenses) }, ...app];
  return target.system === "windows" ? [{ name: `${below}epsilon.cmd`, bytes: windowsLauncher() }, ...files] : files;
}

async function launcherOf(
  { version, target }: Contents,
  files: readonly TarFile[],
  archive: Uint8Array,
  unpackedBytes: number,
): Promise<Uint8Array> {
  const template = await Deno.readTextFile(new URL("launcher.sh", import.meta.url));
  const digest = sha256(archive);
  const values: Readonly<Record<string, string>> = {
    VERSION: version,
    TRIPLE: target.triple,
    NAME: `${version}-${digest.slice(0, 16)}`,
    SHA256: digest,
    BYTES: String(unpackedBytes),
    USER_CACHE: target.system === "darwin" ? "Library/Caches" : ".cache",
    RUNTIME_ARGUMENTS: RUNTIME_ARGUMENTS.join(" "),
    FILES: patternsOf(files).join(" "),
  };
  const filled = template.replaceAll(/@([A-Z0-9_]+)@/g, (mark, key: string) => {
    if (key === "START") return mark;
    if (!(key in values)) throw new RunError(`Cannot fill launcher.sh: it asks for ${mark}`, "Look at launcherOf.");
    return values[key];
  });
  // The number is as long as its mark, so that it does not move what it counts.
  const start = String(new TextEncoder().encode(filled).length + 1);
  return new TextEncoder().encode(filled.replace("'@START@'", `'${start}'`.padEnd("'@START@'".length)));
}

/** Shell patterns, one for each folder and ending, that name all `files`. */
function patternsOf(files: readonly TarFile[]): string[] {
  const patterns = files.map(({ name }) => {
    if (!/^[\w./-]+$/.test(name)) {
      throw new RunError(`Cannot pack ${name}: a shell would not read its name`, "Rename it.");
    }
    return name.replace(/[^/]+(\.\w+)$/, "*$1");
  });
  return [...new Set(patterns)];
}

function windowsLauncher(): Uint8Array {
  const lines = [
    "@echo off",
    "setlocal",
    "set DENO_DIR=NUL",
    "set DENO_NO_UPDATE_CHECK=1",
    `"%~dp0epsilon.exe" ${RUNTIME_ARGUMENTS.join(" ")} "--allow-run=%~dp0epsilon.exe" "%~dp0app\\main.js" %*`,
    "exit /b %ERRORLEVEL%",
    "",
  ];
  return new TextEncoder().encode(lines.join("\r\n"));
}
