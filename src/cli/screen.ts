/** What the terminal and the environment say of how text can be shown. */
export interface Screen {
  /** Whether lines can be drawn over: a terminal that knows how to, and nobody's log. */
  readonly redraws: boolean;
  /** Characters in a line; undefined when nobody says. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
}

export interface ScreenSource {
  readonly isTerminal: boolean;
  readonly environment: (name: string) => string | undefined;
  /** Throws where there is no terminal. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/**
 * The screen behind `source`. `TERM=dumb` knows no escape sequences, and what is written under `CI` is read as a log.
 * A redrawn screen has the terminal's own size; elsewhere `COLUMNS` and `LINES` come first, as users set them.
 */
export function screenOf({ isTerminal, environment, size }: ScreenSource): Screen {
  const ci = environment("CI") ?? "";
  const redraws = isTerminal && environment("TERM") !== "dumb" && (ci === "" || ci === "false" || ci === "0");
  const real = realSize(size);
  const given = { columns: positive(environment("COLUMNS")), rows: positive(environment("LINES")) };
  const [first, second] = redraws ? [real, given] : [given, real];
  return { redraws, columns: first.columns ?? second.columns, rows: first.rows ?? second.rows };
}

/** The screen of this process's standard output or standard error. */
export function screen(stream: "stdout" | "stderr"): Screen {
  return screenOf({
    isTerminal: Deno[stream].isTerminal(),
    environment: (name) => Deno.env.get(name),
    size: () => Deno.consoleSize(),
  });
}

/** Columns of text that is written once, such as help: as `COLUMNS` says, else the terminal. */
export function textColumns(): number | undefined {
  const size = () => Deno.consoleSize();
  return screenOf({ isTerminal: false, environment: (name) => Deno.env.get(name), size }).columns;
}

/** Some terminals say that they have no columns. */
function realSize(size: ScreenSource["size"]): { columns: number | undefined; rows: number | undefined } {
  try {
    const { columns, rows } = size();
    return { columns: columns || undefined, rows: rows || undefined };
  } catch {
    return { columns: undefined, rows: undefined };
  }
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
}
