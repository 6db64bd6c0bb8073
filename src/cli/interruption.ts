/** Exit codes of a run that a signal stopped and that has saved a checkpoint (spec "Exit codes"). */
const EXIT_CODES: Readonly<Partial<Record<Deno.Signal, number>>> = { SIGINT: 130, SIGTERM: 75, SIGUSR1: 75 };

/** Windows knows Ctrl-C only. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGUSR1"];

/**
 * Turns signals into an orderly stop while it is in force: the first aborts `signal`, the second has the effect that it
 * has on any program, so that a stuck save can be ended.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<Deno.Signal, () => void>();
  #received: Deno.Signal | undefined;

  /** `onFirst` is told the first signal at once. */
  constructor(onFirst: (signal: Deno.Signal) => void) {
    for (const signal of SIGNALS) {
      const listener = () => {
        if (this.#received !== undefined) {
          this[Symbol.dispose]();
          Deno.kill(Deno.pid, signal);
          return;
        }
        this.#received = signal;
        onFirst(signal);
        this.#controller.abort();
      };
      this.#listeners.set(signal, listener);
      Deno.addSignalListener(signal, listener);
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the process is to exit with; undefined when no signal came. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : EXIT_CODES[this.#received];
  }

  /** Signals have their usual effect again. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
    this.#listeners.clear();
  }
}
