import { compileKernels, readKernel } from "../../kernels/build.ts";
import { type Mutant, mutate } from "./mutants.ts";

/** All backward kernels with their mutants asleep. */
export interface MutatedKernels {
  readonly sources: ReadonlyMap<string, string>;
  readonly mutants: readonly Mutant[];
  /** Names of all backward kernels. */
  readonly kernels: readonly string[];
}

const FOLDER = new URL("../../kernels/", import.meta.url);

/** Paths of all kernel sources that people wrote, relative to their folder, sorted. */
async function kernelPaths(folder = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, FOLDER))) {
    if (isDirectory && name !== "mutation") paths.push(...await kernelPaths(`${folder}${name}/`));
    if (name.endsWith(".as.ts") && name !== "header.as.ts") paths.push(folder + name);
  }
  return paths.sort();
}

/** Puts a sleeping mutant at every place of every backward kernel. */
export async function mutateKernels(): Promise<MutatedKernels> {
  const sources = new Map<string, string>();
  const mutants: Mutant[] = [];
  const kernels: string[] = [];
  for (const path of await kernelPaths()) {
    const mutated = mutate(path, await Deno.readTextFile(new URL(path, FOLDER)), mutants.length + 1);
    sources.set(path, mutated.text);
    mutants.push(...mutated.mutants);
    kernels.push(...mutated.kernels);
  }
  return { sources, mutants, kernels };
}

/** One module that holds all mutants; `wake` chooses the one that lives. */
export async function compileMutants({ sources }: MutatedKernels): Promise<WebAssembly.Module> {
  const bytes = await compileKernels("strict", async (name) => sources.get(name) ?? await readKernel(name));
  return new WebAssembly.Module(Uint8Array.from(bytes));
}

/** Where the living mutant's number stands (kernels/mutation/operators.as.ts). */
const MUTANT_WORD = 65532 / 4;

/** Brings mutant `id` of the module over `memory` to life, and puts all others to sleep; 0 wakes none. */
export function wake(memory: WebAssembly.Memory, id: number): void {
  new Int32Array(memory.buffer)[MUTANT_WORD] = id;
}
