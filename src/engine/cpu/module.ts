import fastModule from "../../../kernels/build/fast.wasm" with { type: "bytes" };
import strictModule from "../../../kernels/build/strict.wasm" with { type: "bytes" };
import type { Numerics } from "../numerics.ts";

/** What the compiled kernels export (kernels/main.as.ts); addresses and sizes are bytes. */
export interface Kernels {
  packWeights(iterating: number): void;
  sequenceTask(sequence: number, workspace: number, want: number): void;
  unpackGradients(slots: number, slotBytes: number): void;
  embeddingScatter(ids: number, tokenGradients: number, tokens: number): void;
  squaredNorm(first: number, last: number): number;
  adamwStep(
    first: number,
    last: number,
    clip: number,
    decay: number,
    rate: number,
    secondScale: number,
    beta1: number,
    beta2: number,
    epsilon: number,
  ): void;
  workspaceBytes(tokens: number, saving: number): number;
  recordField(step: number, index: number): number;
  multiplyAdd(a: number, b: number, c: number): number;
  probabilityRows(): number;
  probabilityRowBytes(): number;
}

/** What a sequence task is to compute (kernels/main.as.ts). */
export const Want = { logits: 0, everything: 1, gradient: 2, record: 3 } as const;

/** The compiled kernels. */
export function compileModule(numerics: Numerics): WebAssembly.Module {
  return new WebAssembly.Module(numerics === "fast" ? fastModule : strictModule);
}

/** Which SIMD instructions of WASM the runtime knows: those of the fast kernels, of the strict ones only, or neither. */
export function simdSupport(): "relaxed" | "128-bit" | "none" {
  if (WebAssembly.validate(fastModule)) return "relaxed";
  return WebAssembly.validate(strictModule) ? "128-bit" : "none";
}

/** One thread's instance over the shared memory. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const abort = () => {
    throw new Error("a kernel stopped itself");
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  return instance.exports as unknown as Kernels;
}
