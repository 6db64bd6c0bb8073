import { compileKernels, readKernel } from "../../kernels/build.ts";

/** A module that cannot be instantiated: it imports a function `y` of `x`, which no thread has. */
export const MODULE_WITH_UNKNOWN_IMPORT = new WebAssembly.Module(
  Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 120, 1, 121, 0, 0),
);

/** Kernels, strictly rounded, that stop themselves at a sequence of `length` tokens. */
export async function compileTrappingAt(length: number): Promise<WebAssembly.Module> {
  const place = "ws.openWorkspace(workspace);";
  const bytes = await compileKernels("strict", async (name) => {
    const source = await readKernel(name);
    if (name !== "main.as.ts" || source === null) return source;
    if (!source.includes(place)) throw new Error(`${name} has no "${place}"`);
    return source.replace(place, `if (n == ${length}) unreachable();\n${place}`);
  });
  return new WebAssembly.Module(Uint8Array.from(bytes));
}
