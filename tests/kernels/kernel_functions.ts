import { compileKernels, INITIAL_PAGES, MAXIMUM_PAGES, type Numerics, readKernel } from "../../kernels/build.ts";

/** Kernels compiled from an entry of a test's own, over a memory of their own. */
export interface KernelFunctions {
  readonly memory: WebAssembly.Memory;
  readonly call: (name: string, ...args: number[]) => void;
}

/** First byte that no kernel uses. */
export const FREE_ADDRESS = 2 ** 20;

/** Compiles `entry`, AssemblyScript in the place of `main.as.ts`. */
export async function compileFunctions(entry: string, numerics: Numerics): Promise<KernelFunctions> {
  const bytes = await compileKernels(
    numerics,
    (name) => name === "main.as.ts" ? Promise.resolve(entry) : readKernel(name),
  );
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES, shared: true });
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytes), { env: { memory } });
  const call = (name: string, ...args: number[]) => {
    const found = instance.exports[name];
    if (typeof found !== "function") throw new Error(`The kernels export no ${name}`);
    found(...args);
  };
  return { memory, call };
}
