import { escapedJson } from "../files/escaped_json.ts";
import { formatCount, formatDuration } from "./format.ts";
import { visible } from "./output.ts";
import { screen } from "./screen.ts";

/** `auto` redraws one line on a terminal that can, and is `plain` elsewhere; `json` is one object a line. */
export type ProgressMode = "auto" | "plain" | "json" | "off";

/** Where a long task stands. */
export interface ProgressState {
  /** What is being done, for example `epoch 3/25, training`. */
  readonly label: string;
  /** Work that is done, in any unit; its speed gives the ETA. */
  readonly done: number;
  /** All work; without it there is neither share nor ETA. */
  readonly total?: number;
  /** Things handled since the task began, for the rate. */
  readonly count?: { readonly value: number; readonly unit: string };
  /** More to show, for example `loss 0.42`. */
  readonly note?: string;
}

/** Standard error as the display sees it. */
export interface ProgressStream {
  /** Whether a line can be drawn over. */
  readonly redraws: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

/** Milliseconds between two displays, so that a display costs nothing and a log stays short. */
const INTERVALS = { line: 100, plain: 10_000, json: 1_000 } as const;
const ERASE_LINE = "\r\x1b[K";

const encoder = new TextEncoder();

const standardError: ProgressStream = {
  redraws: screen("stderr").redraws,
  columns: () => screen("stderr").columns ?? 80,
  write: (text) => {
    try {
      Deno.stderr.writeSync(encoder.encode(text));
    } catch {
      return; // a standard error that nobody reads must not end a run
    }
  },
};

/**
 * The progress of one task on standard error. It never hides the cursor and leaves no line behind after `clear`, so
 * that an interruption at any moment leaves the terminal as it was.
 */
export class Progress {
  readonly #style: "line" | "plain" | "json" | "off";
  readonly #stream: ProgressStream;
  readonly #clock: () => number;
  #begun: { readonly time: number; readonly done: number; readonly count: number } | undefined;
  #shownAt = -Infinity;
  #drawn = false;

  /** `clock` gives milliseconds. */
  constructor(mode: ProgressMode, stream: ProgressStream = standardError, clock = () => performance.now()) {
    this.#style = mode !== "auto" ? mode : stream.redraws ? "line" : "plain";
    this.#stream = stream;
    this.#clock = clock;
    this.begin();
  }

  /** Starts another task: rate and ETA count from its first update. A short task shows nothing off a terminal. */
  begin(): void {
    this.clear();
    this.#begun = undefined;
    this.#shownAt = this.#style === "line" ? -Infinity : this.#clock();
  }

  /** Shows where the task stands, unless something was shown a moment ago. */
  update(state: ProgressState): void {
    if (this.#style === "off") return;
    const now = this.#clock();
    this.#begun ??= { time: now, done: state.done, count: state.count?.value ?? 0 };
    if (now - this.#shownAt < INTERVALS[this.#style]) return;
    this.#shownAt = now;
    const seconds = (now - this.#begun.time) / 1000;
    const rate = ((state.count?.value ?? 0) - this.#begun.count) / seconds;
    const remaining = ((state.total ?? NaN) - state.done) * seconds / (state.done - this.#begun.done);
    if (this.#style === "json") this.#stream.write(jsonLine(state, rate, remaining));
    else if (this.#style === "plain") this.#stream.write(`${textLine(state, rate, remaining)}\n`);
    else {
      const width = Math.max(10, this.#stream.columns() - 1);
      this.#stream.write(`${ERASE_LINE}${textLine(state, rate, remaining).slice(0, width)}`);
      this.#drawn = true;
    }
  }

  /** A milestone: a line of its own for people, `record` as an object in `json` mode, nothing when off. */
  milestone(text: string, record: Readonly<Record<string, unknown>>): void {
    if (this.#style === "off") return;
    this.clear();
    this.#stream.write(this.#style === "json" ? `${escapedJson(record)}\n` : `${visible(text)}\n`);
  }

  /** Removes the line, so that other talk can follow. */
  clear(): void {
    if (!this.#drawn) return;
    this.#stream.write(ERASE_LINE);
    this.#drawn = false;
  }
}

function textLine({ label, done, total, count, note }: ProgressState, rate: number, remaining: number): string {
  const share = total === undefined || total === 0 ? undefined : `${Math.floor(100 * done / total)} %`;
  const speed = count === undefined || !Number.isFinite(rate) ? undefined : `${formatCount(rate)} ${count.unit}/s`;
  const eta = total === undefined ? undefined : `ETA ${formatDuration(remaining)}`;
  return visible([label, share, note, speed, eta].filter((part) => part !== undefined).join("  "));
}

function jsonLine({ label, done, total, count, note }: ProgressState, rate: number, remaining: number): string {
  const record = {
    kind: "progress",
    label,
    done,
    total,
    note,
    ...count === undefined ? {} : { [`${count.unit}_per_second`]: rate },
    eta_seconds: remaining,
  };
  return `${escapedJson(record)}\n`;
}
