/// <reference lib="deno.worker" />
import { Job, READY, runTasks, Word, type WorkerAnswer, type WorkerStart } from "./control.ts";
import { instantiateKernels, type Kernels } from "./module.ts";

/** Looks at the board before a worker sleeps: waking one costs about 100 µs, as long as this many looks take. */
const SPINS = 20_000;

self.onmessage = ({ data }: MessageEvent<WorkerStart>) => {
  const answer = (message: WorkerAnswer) => self.postMessage(message);
  try {
    const kernels = instantiateKernels(data.module, data.memory);
    answer(READY);
    work(data, kernels);
  } catch (error) {
    answer({ reason: error instanceof Error ? error.message : String(error) });
  }
  self.close();
};

/** Does its share of every job until it is told to quit. */
function work({ memory, board, thread, generation }: WorkerStart, kernels: Kernels): void {
  let seen = generation;
  while (true) {
    seen = nextGeneration(board, seen);
    if (board[Word.job] === Job.quit) return;
    try {
      runTasks(board, memory, kernels, thread);
    } catch {
      Atomics.store(board, Word.failed, 1);
    }
    Atomics.add(board, Word.done, 1);
    Atomics.notify(board, Word.done);
  }
}

function nextGeneration(board: Int32Array, seen: number): number {
  for (let i = 0; i < SPINS; i++) {
    if (Atomics.load(board, Word.generation) !== seen) return Atomics.load(board, Word.generation);
  }
  while (Atomics.load(board, Word.generation) === seen) Atomics.wait(board, Word.generation, seen);
  return Atomics.load(board, Word.generation);
}
