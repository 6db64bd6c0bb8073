import type { Kernels } from "./module.ts";

/**
 * The board on which threads meet: words of shared memory that the host and its workers read and write atomically.
 * A job is a number of tasks; whoever is free takes the next one, and no result depends on who did what.
 */
export const Word = {
  /** Grows by one with each job. */
  generation: 0,
  job: 1,
  /** Next task to take. */
  next: 2,
  tasks: 3,
  /** Workers that have left the present job. */
  done: 4,
  /** Set when a worker's kernel failed. */
  failed: 5,
  /** What sequence tasks compute. */
  want: 6,
  /** Address of the order in which sequences are taken. */
  order: 7,
  /** Elements of an AdamW task, and of the slab. */
  blockElements: 8,
  elements: 9,
  /** Address of AdamW's seven factors (doubles). */
  factors: 10,
  /** Address of the first thread's workspace and bytes of each. */
  workspaces: 11,
  workspaceBytes: 12,
} as const;

export const BOARD_WORDS = 16;

export const Job = { sequences: 1, adamw: 2, quit: 3 } as const;

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

/** A worker's answer to its start. */
export const READY = "ready";
export type WorkerAnswer = typeof READY | { readonly reason: string };

/** Takes tasks of the present job until none is left. `thread` 0 is the host. */
export function runTasks(board: Int32Array, memory: WebAssembly.Memory, kernels: Kernels, thread: number): void {
  const tasks = board[Word.tasks];
  if (board[Word.job] === Job.sequences) {
    const order = new Uint32Array(memory.buffer, board[Word.order] >>> 0, tasks);
    const workspace = (board[Word.workspaces] >>> 0) + thread * (board[Word.workspaceBytes] >>> 0);
    const want = board[Word.want];
    for (let i = take(board); i < tasks; i = take(board)) kernels.sequenceTask(order[i], workspace, want);
    return;
  }
  const [clip, decay, rate, secondScale, beta1, beta2, epsilon] = new Float64Array(
    memory.buffer,
    board[Word.factors] >>> 0,
    7,
  );
  const block = board[Word.blockElements], elements = board[Word.elements];
  for (let i = take(board); i < tasks; i = take(board)) {
    const last = Math.min(elements, (i + 1) * block);
    kernels.adamwStep(i * block, last, clip, decay, rate, secondScale, beta1, beta2, epsilon);
  }
}

function take(board: Int32Array): number {
  return Atomics.add(board, Word.next, 1);
}
