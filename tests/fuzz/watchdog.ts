/** Ends a process in which one input takes too long, and says which: a loop that never ends could not say it itself. */
import process from "node:process";

/** Most processor time for one input, in seconds: time that passes while others compute does not count. */
export const MOST_SECONDS = 2;

const POLL_MILLISECONDS = 250;
/** A process that waits for what never comes uses less than that between two looks, so many times in a row. */
const IDLE_SECONDS = 0.02, MOST_IDLE_POLLS = 40;
const NAME_BYTES = 256;

interface Shared {
  /** Counts the inputs, odd while one is being read. */
  readonly turn: Int32Array<SharedArrayBuffer>;
  /** Name of the case, UTF-8, padded with zeros. */
  readonly name: Uint8Array<SharedArrayBuffer>;
}

/** The process's processor time in seconds. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export class Watchdog implements Disposable {
  /** The case that took longest. */
  slowest = "none";
  #most = 0;
  #name = "";

  private constructor(readonly worker: Worker, readonly shared: Shared) {}

  static async start(): Promise<Watchdog> {
    const shared = {
      turn: new Int32Array(new SharedArrayBuffer(4)),
      name: new Uint8Array(new SharedArrayBuffer(NAME_BYTES)),
    };
    const worker = new Worker(import.meta.url, { type: "module" });
    await new Promise<void>((resolve) => {
      worker.onmessage = () => resolve();
      worker.postMessage(shared);
    });
    return new Watchdog(worker, shared);
  }

  /** An input is about to be read; give what is returned to `end`. */
  begin(name: string): number {
    this.#name = name;
    this.shared.name.fill(0);
    this.shared.name.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES));
    Atomics.add(this.shared.turn, 0, 1);
    return processorSeconds();
  }

  /** The input was read; returns the processor time it took, in seconds. */
  end(begun: number): number {
    Atomics.add(this.shared.turn, 0, 1);
    const seconds = processorSeconds() - begun;
    if (seconds > this.#most) {
      this.#most = seconds;
      this.slowest = `${this.#name} with ${seconds.toFixed(2)} s of processor time`;
    }
    return seconds;
  }

  [Symbol.dispose](): void {
    this.worker.terminate();
  }
}

function watch({ turn, name }: Shared): void {
  let seen = -1, since = 0, last = 0, idle = 0;
  setInterval(() => {
    const now = Atomics.load(turn, 0), used = processorSeconds();
    idle = now === seen && used - last < IDLE_SECONDS ? idle + 1 : 0;
    last = used;
    if (now !== seen) {
      seen = now;
      since = used;
    } else if (now % 2 === 1 && used - since > MOST_SECONDS) {
      tell(name, `took more than ${MOST_SECONDS} s of processor time`);
    } else if (now % 2 === 1 && idle >= MOST_IDLE_POLLS) {
      tell(name, "comes to no end: nothing is computed any more");
    }
  }, POLL_MILLISECONDS);
}

function tell(name: Uint8Array, fault: string): void {
  const text = new TextDecoder().decode(name.slice()).replace(/\0+$/, "");
  const line = `${text}: ${fault}\nAgain: deno task fuzz --case '${text}'\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
  Deno.kill(Deno.pid, "SIGKILL");
}

/** What a worker's global scope has beside that of a page. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Shared>) => void) | null;
  postMessage(message: unknown): void;
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as WorkerScope;
  scope.onmessage = ({ data }) => {
    watch(data);
    scope.postMessage("watching");
  };
}
