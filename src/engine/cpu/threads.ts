import { RunError } from "../../errors.ts";
import { BOARD_WORDS, Job, READY, runTasks, Word, type WorkerAnswer, type WorkerStart } from "./control.ts";
import { instantiateKernels, type Kernels } from "./module.ts";

const PAGE_BYTES = 65536;
/** Pages that 32-bit addresses reach. */
const MAXIMUM_PAGES = 65536;

/** Looks at the board before the host sleeps until the last worker has done. */
const SPINS = 20_000;

export type OnMemory = (memory: WebAssembly.Memory) => void;

export interface ThreadsOptions {
  /** Threads, the host included. */
  readonly count: number;
  readonly module: WebAssembly.Module;
  readonly onMemory?: OnMemory;
}

/** The host and its workers over one shared memory. */
export class Threads {
  readonly memory: WebAssembly.Memory;
  /** The host's own kernels. */
  readonly kernels: Kernels;
  readonly board: Int32Array<SharedArrayBuffer>;
  readonly count: number;
  readonly #workers: Worker[];

  private constructor(
    memory: WebAssembly.Memory,
    kernels: Kernels,
    board: Int32Array<SharedArrayBuffer>,
    workers: Worker[],
  ) {
    this.memory = memory;
    this.kernels = kernels;
    this.board = board;
    this.count = workers.length + 1;
    this.#workers = workers;
  }

  /**
   * Starts `count` − 1 workers beside the host over `bytes` of memory, which the system hands out only as it is touched.
   * Throws RunError when there is not so much or a worker cannot start.
   */
  static async start({ count, module, onMemory }: ThreadsOptions, bytes: number): Promise<Threads> {
    const memory = createMemory(bytes);
    onMemory?.(memory);
    const board = new Int32Array(new SharedArrayBuffer(4 * BOARD_WORDS));
    const workers: Worker[] = [];
    try {
      for (let thread = 1; thread < count; thread++) workers.push(createWorker());
      await Promise.all(workers.map((worker, i) => {
        const start: WorkerStart = { module, memory, board, thread: i + 1, generation: 0 };
        return startWorker(worker, start);
      }));
      return new Threads(memory, instantiateKernels(module, memory), board, workers);
    } catch (error) {
      for (const worker of workers) worker.terminate();
      throw error;
    }
  }

  /** Runs `tasks` tasks of `job` on all threads; returns when the last is done. */
  run(job: typeof Job.sequences | typeof Job.adamw, tasks: number): void {
    const { board } = this;
    board[Word.job] = job;
    board[Word.tasks] = tasks;
    Atomics.store(board, Word.next, 0);
    Atomics.store(board, Word.done, 0);
    Atomics.add(board, Word.generation, 1);
    if (this.count > 1) Atomics.notify(board, Word.generation);
    let cause: unknown;
    try {
      runTasks(board, this.memory, this.kernels, 0);
    } catch (error) {
      cause = error;
      Atomics.store(board, Word.failed, 1);
    }
    this.#waitForWorkers();
    if (Atomics.exchange(board, Word.failed, 0) !== 0) throw kernelFailure(cause);
  }

  /** Runs `work` on the host alone; throws RunError when a kernel fails. */
  alone<T>(work: (kernels: Kernels) => T): T {
    try {
      return work(this.kernels);
    } catch (error) {
      throw kernelFailure(error);
    }
  }

  #waitForWorkers(): void {
    const { board } = this;
    const others = this.count - 1;
    for (let i = 0; i < SPINS; i++) {
      if (Atomics.load(board, Word.done) === others) return;
    }
    for (let done = Atomics.load(board, Word.done); done !== others; done = Atomics.load(board, Word.done)) {
      Atomics.wait(board, Word.done, done);
    }
  }

  /** Ends all workers. */
  close(): void {
    this.board[Word.job] = Job.quit;
    Atomics.add(this.board, Word.generation, 1);
    Atomics.notify(this.board, Word.generation);
    for (const worker of this.#workers) worker.terminate();
  }
}

function kernelFailure(cause: unknown): RunError {
  return new RunError(
    "Cannot finish the computation: a kernel failed",
    "Report this with the command that led to it.",
    { cause },
  );
}

function createMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: MAXIMUM_PAGES, shared: true });
  } catch (cause) {
    throw new RunError(
      `Cannot reserve memory: ${Math.ceil(bytes / 2 ** 20)} MiB wanted, at most 4096 can be had`,
      "Use fewer threads, smaller batches or shorter sequences.",
      { cause },
    );
  }
}

function createWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

function startWorker(worker: Worker, start: WorkerStart): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new RunError(`Cannot start thread ${start.thread}: ${reason}`, "Try with fewer threads."));
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => data === READY ? resolve() : fail(data.reason);
    worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message);
    };
    worker.postMessage(start);
  });
}
