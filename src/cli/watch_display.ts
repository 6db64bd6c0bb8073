import { escapedJson } from "../files/escaped_json.ts";
import type { FollowedRun } from "../metrics/followed_run.ts";
import { METRIC_NAMES, SPLITS, TIMING_NAMES } from "../metrics/schema.ts";
import { JSON_VERSION, type Terminal, visible, writeLast } from "./output.ts";
import { screen } from "./screen.ts";
import { epochLine, watchFrame } from "./watch_frame.ts";

/** How a watched run is shown. */
export interface WatchDisplay extends AsyncDisposable {
  /** Shows where the run stands; `last` when nothing follows. */
  show(run: FollowedRun, last: boolean): Promise<void>;
  /** Returns after `milliseconds`, or as soon as `signal` is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Whether the locale knows more than ASCII; one that is not set is taken for one that does. */
export function knowsUnicode(environment: (name: string) => string | undefined): boolean {
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(environment).find((value) => value !== undefined && value !== "");
  return environment("TERM") !== "dumb" && (locale === undefined || /utf-?8/i.test(locale));
}

/** The frame for a screen, or for text that is as wide and high as the environment says. */
function frameLines(run: FollowedRun, metrics: readonly string[]): string[] {
  const { columns = 80, rows = 24 } = screen("stdout");
  const unicode = knowsUnicode((name) => Deno.env.get(name));
  return watchFrame(run, metrics, { columns: Math.max(20, columns), rows: Math.max(8, rows), unicode });
}

abstract class Display implements WatchDisplay {
  abstract show(run: FollowedRun, last: boolean): Promise<void>;

  wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", done);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** One frame. */
export class OnceWatch extends Display {
  constructor(readonly terminal: Terminal, readonly metrics: readonly string[]) {
    super();
  }

  async show(run: FollowedRun): Promise<void> {
    await this.terminal.write(frameLines(run, this.metrics).map((line) => `${line}\n`).join(""));
  }
}

/** A line for each epoch, and one for the end. */
export class LineWatch extends Display {
  #shown = 0;
  #started = "";

  constructor(readonly terminal: Terminal) {
    super();
  }

  async show(run: FollowedRun, last: boolean): Promise<void> {
    const { record, position } = run;
    if (record === undefined) return;
    // A run in the same folder that is another one, or that was cut back, begins anew.
    if (record.started !== this.#started || position.epoch < this.#shown) this.#shown = 0;
    this.#started = record.started;
    const lines: string[] = [];
    for (; this.#shown < position.epoch; this.#shown++) lines.push(epochLine(run, this.#shown + 1));
    if (last) lines.push(`${visible(run.path)}: ${record.outcome} after ${position.step} steps`);
    if (lines.length > 0) await this.terminal.write(lines.map((line) => `${line}\n`).join(""));
  }
}

/** One object a line. */
export class JsonWatch extends Display {
  constructor(readonly terminal: Terminal) {
    super();
  }

  async show(run: FollowedRun): Promise<void> {
    const { record, position, path } = run;
    if (record === undefined) return;
    const values = SPLITS.map((split) => {
      const latest = [...METRIC_NAMES, ...TIMING_NAMES].flatMap((metric) => {
        const { steps, epochs } = run.curve(split, metric);
        const point = [steps.at(-1), epochs.at(-1)].filter((one) => one !== undefined)
          .reduce((a, b) => a === undefined || b.step >= a.step ? b : a, undefined as typeof steps[number] | undefined);
        return point === undefined ? [] : [[metric, point.value]];
      });
      return [split, Object.fromEntries(latest)];
    });
    const { run: name, outcome, recipe: { epochs }, started, ended } = record;
    const state = {
      run: name,
      folder: path,
      outcome,
      ...position,
      epochs,
      started,
      ended,
      ...Object.fromEntries(values),
    };
    await this.terminal.write(`${escapedJson({ version: JSON_VERSION, ...state })}\n`);
  }
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const ERASE_REST_OF_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/** Signals of a terminal that only some systems have. */
const TERMINAL_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGWINCH", "SIGTSTP", "SIGCONT"];

/**
 * Frames on a screen of its own, drawn again when the terminal's size changes. Whatever ends it, the cursor and the old
 * screen come back; the last frame stays on the latter.
 */
export class ScreenWatch extends Display {
  readonly #terminal: Terminal;
  readonly #metrics: readonly string[];
  readonly #listeners = new Map<Deno.Signal, () => void>();
  #run: FollowedRun | undefined;
  #entered = false;
  #drawing: Promise<void> = Promise.resolve();

  constructor(terminal: Terminal, metrics: readonly string[]) {
    super();
    this.#terminal = terminal;
    this.#metrics = metrics;
    const effects: Partial<Record<Deno.Signal, () => void>> = {
      SIGWINCH: () => this.#redraw(),
      SIGTSTP: () => this.#suspend(),
      SIGCONT: () => this.#redraw(),
    };
    for (const signal of TERMINAL_SIGNALS) {
      const effect = effects[signal];
      if (effect === undefined) continue;
      this.#listeners.set(signal, effect);
      Deno.addSignalListener(signal, effect);
    }
  }

  async show(run: FollowedRun): Promise<void> {
    this.#run = run;
    this.#redraw();
    await this.#drawing;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const [signal, effect] of this.#listeners) Deno.removeSignalListener(signal, effect);
    this.#listeners.clear();
    await this.#drawing.catch(() => {});
    if (!this.#entered) return;
    const frame = this.#run === undefined ? [] : frameLines(this.#run, this.#metrics);
    await writeLast(this.#terminal, LEAVE + frame.map((line) => `${line}\n`).join(""));
  }

  #redraw(): void {
    const run = this.#run;
    if (run === undefined) return;
    const lines = frameLines(run, this.#metrics).map((line) => `${line}${ERASE_REST_OF_LINE}`);
    const enter = this.#entered ? "" : ENTER;
    this.#entered = true;
    this.#drawing = this.#drawing.then(() =>
      this.#terminal.write(`${enter}${HOME}${lines.join("\r\n")}${ERASE_BELOW}`)
    );
    // Whoever waits for the drawing is told; a redrawing on a signal has nobody.
    this.#drawing.catch(() => {});
  }

  /** Gives the terminal back before the process is stopped; drawing again takes it. */
  #suspend(): void {
    this.#drawing = this.#drawing.then(() => this.#terminal.write(LEAVE)).finally(() => {
      this.#entered = false;
      Deno.kill(Deno.pid, "SIGSTOP");
    });
    this.#drawing.catch(() => {});
  }
}
