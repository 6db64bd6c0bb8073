/**
 * Compiles the AssemblyScript kernels: `deno task kernels`. Writes `kernels/header.as.ts` from the table in `header.ts`
 * and the modules `kernels/build/{fast,strict,elementary}.wasm`. The compiled modules are part of the repository, so that a checkout
 * runs without a build; a test compares them with a fresh build.
 */
import asc from "assemblyscript/asc";
import { HEADER_ADDRESS, HEADER_FLOATS, HEADER_INTEGERS } from "./header.ts";

/** `fast` may fuse a multiplication and an addition, `strict` rounds both: the same bytes on every processor. */
export type Numerics = "fast" | "strict";

/** Pages of 64 KiB that the modules declare; scratch and constants lie below, so that V8 need not check their bounds. */
export const INITIAL_PAGES = 64;
export const MAXIMUM_PAGES = 65536;

/** The text of `header.as.ts`. */
export function headerSource(): string {
  const accessor = (name: string, type: string, index: number) =>
    `// @ts-ignore: decorator\n@inline\nexport function ${name}(): ${type} {\n  return load<${type}>(${
      HEADER_ADDRESS + 4 * index
    });\n}\n`;
  const address = /^(packed|transposed|slot|token)|^(parameters|buffers|gradient|firstMoment|secondMoment|positions)$/;
  const places =
    /^(gradientSlots|offsets|labels|dropoutKeys|haltingSteps|logits|results|normalQuantiles|tauFactors|spectralNorms|priorLogarithms)$/;
  const integers = HEADER_INTEGERS.map((name, i) =>
    accessor(name, address.test(name) || places.test(name) ? "usize" : "i32", i)
  );
  const floats = HEADER_FLOATS.map((name, i) => accessor(name, "f32", HEADER_INTEGERS.length + i));
  return `// Written by build.ts from header.ts; do not edit.\n\n${[...integers, ...floats].join("\n")}`;
}

/** The text of the source `name` (relative to this folder), null where there is none. */
export type ReadSource = (name: string) => Promise<string | null>;

/** Compiles `main.as.ts` and what it imports, as `read` gives them, and returns the module's bytes. */
export async function compileKernels(numerics: Numerics, read: ReadSource = readKernel): Promise<Uint8Array> {
  const features = numerics === "fast" ? "simd,relaxed-simd,threads" : "simd,threads";
  return await compile("main.as.ts", read, [
    ...["--enable", features, "--importMemory", "--sharedMemory", "--initialMemory", `${INITIAL_PAGES}`],
    ...["--maximumMemory", `${MAXIMUM_PAGES}`],
  ]);
}

/** Compiles the elementary functions of float64, which need no other module's memory, and returns the module's bytes. */
export async function compileElementary(): Promise<Uint8Array> {
  return await compile("elementary/elementary.as.ts", readKernel, []);
}

async function compile(entry: string, read: ReadSource, options: readonly string[]): Promise<Uint8Array> {
  const messages: string[] = [];
  const binaries: Uint8Array[] = [];
  const sink = { write: (text: string | Uint8Array) => void messages.push(String(text)) };
  const result = await asc.main(
    [entry, "-O3", "--noAssert", "--runtime", "stub", ...options, "--outFile", "module.wasm"],
    {
      stdout: sink,
      stderr: sink,
      readFile: read,
      writeFile: (name: string, contents: Uint8Array | string) => {
        if (name.endsWith(".wasm") && typeof contents !== "string") binaries.push(contents);
      },
      listFiles: () => [],
    },
  );
  if (result.error || binaries.length !== 1) throw new Error(`Cannot compile kernels:\n${messages.join("")}`);
  return binaries[0];
}

/** Reads a kernel's source from this folder. */
export async function readKernel(name: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(new URL(name, import.meta.url));
  } catch {
    return null;
  }
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("header.as.ts", import.meta.url), headerSource());
  await Deno.mkdir(new URL("build/", import.meta.url), { recursive: true });
  const modules = [
    ["fast", await compileKernels("fast")],
    ["strict", await compileKernels("strict")],
    ["elementary", await compileElementary()],
  ] as const;
  for (const [name, bytes] of modules) {
    await Deno.writeFile(new URL(`build/${name}.wasm`, import.meta.url), bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  }
}
