/// <reference lib="deno.worker" />
import { Job, runTasks, Word } from "./control.ts";
import { instantiateKernels } from "./module.ts";

/** What the host sends to a new worker. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly board: Int32Array;
  /** From 1; the host is thread 0. */
  readonly thread: number;
  /** Generation that the board had when the worker was started. */
  readonly generation: number;
}

/** Looks at the board before a worker sleeps: waking one costs about 100 µs, as long as this many looks take. */
const SPINS = 20_000;

self.onmessage = ({ data }: MessageEvent<WorkerStart>) => {
  const { module, memory, board, thread } = data;
  const kernels = instantiateKernels(module, memory);
  let seen = data.generation;
  self.postMessage("ready");
  while (true) {
    seen = nextGeneration(board, seen);
    if (board[Word.job] === Job.quit) break;
    try {
      runTasks(board, memory, kernels, thread);
    } catch {
      Atomics.store(board, Word.failed, 1);
    }
    Atomics.add(board, Word.done, 1);
    Atomics.notify(board, Word.done);
  }
  self.close();
};

function nextGeneration(board: Int32Array, seen: number): number {
  for (let i = 0; i < SPINS; i++) {
    if (Atomics.load(board, Word.generation) !== seen) return Atomics.load(board, Word.generation);
  }
  while (Atomics.load(board, Word.generation) === seen) Atomics.wait(board, Word.generation, seen);
  return Atomics.load(board, Word.generation);
}
