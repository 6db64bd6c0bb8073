import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Block, type Page, ROOT } from "./markdown.ts";
import { STAND_INS } from "./stand_ins.ts";

/** Command lines that are not run here, each with the reason. */
export const NOT_RUN: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^npx /, "fetches Deno and starts the commands of deno.json, which other tests run"],
  [/^([A-Z_]+=\S+ )*deno (task (?!epsilon\b)|test\b)/, "a task of a checkout: tests, builds, the real reviews"],
  [/\bdata fetch\b/, "downloads 84 MB; tests/data/fetch_test.ts runs it against a server of its own"],
  [/\bepsilon reproduce\b/, "trains for minutes; tests/cli/reproduce_test.ts runs it"],
  [/\bbench --compare-models\b/, "takes minutes; tests/cli/bench_test.ts runs it with less work"],
  [/\bruns\/long\b/, "trains 460 steps twice; the page's first commands do the same with 46"],
  [
    /\bablate docs\/stability\/(grid|second)\.toml\b/,
    "trains 75 and 55 runs on the real reviews; tests/cli/ablate_test.ts runs it",
  ],
  [/\bresonance bench --steps 2000\b/, "takes half a minute; tests/cli/resonance_test.ts runs it with fewer steps"],
  [/^(dist\/epsilon|sha256sum|install|rm ~\/bin\/epsilon)\b/, "the executable; tests/build/executable_test.ts runs it"],
  [/^rm -r "\$\{XDG_/, "folders that a page's commands need not have made"],
  [
    /--data aclImdb-train\.tar\.gz --(numerics strict|instruments calibration)/,
    "validation reviews of the built-in model are in the real set only",
  ],
  [/\bprovoke --shift swap-labels\b.*--limit-batches 1000/, "needs 1,000 batches; tests/cli/provoke_test.ts runs it"],
];

/** The reader's own file of defaults, for options that a page does not give: what takes hours takes a moment. */
const SHORTENED = `threads = 1
progress = "off"

[train]
epochs = 2
`;

/** A command line, its continuations joined, without those that are not run; `reasons` gets what was left out. */
function runnable(text: string, used: Set<RegExp>): string {
  const lines = text.replaceAll(/\\\n\s*/g, " ").split("\n");
  return lines.filter((line) => {
    const entry = NOT_RUN.find(([command]) => command.test(line.trim()));
    if (entry !== undefined) used.add(entry[0]);
    return entry === undefined;
  }).join("\n");
}

/** How the blocks of a page are run: in order, in one folder of its own, as a reader would. */
export class PageRun implements AsyncDisposable {
  readonly #page: Page;
  readonly #home: string;
  readonly #environment: Record<string, string>;
  /** Entries of `NOT_RUN` that were met, and stand-ins that were made. */
  readonly used = { notRun: new Set<RegExp>(), standIns: new Set<string>() };

  private constructor(page: Page, home: string, environment: Record<string, string>) {
    this.#page = page;
    this.#home = home;
    this.#environment = environment;
  }

  /** A folder with the stand-ins that the page names, and `epsilon` and `deno` on its path. */
  static async prepare(page: Page): Promise<PageRun> {
    const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "epsilon-docs-" }));
    const programs = join(home, "programs");
    const place = join(home, "place");
    await Deno.mkdir(programs);
    await Deno.mkdir(place);
    const start = `exec "${Deno.execPath()}" run -A --no-check --config "${ROOT}deno.json" "${ROOT}main.ts"`;
    await writeProgram(join(programs, "epsilon"), `${start} "$@"`);
    await writeProgram(
      join(programs, "deno"),
      `if [ "$1 $2" = "task epsilon" ]; then shift 2; ${start} "$@"; fi\nexec "${Deno.execPath()}" "$@"`,
    );
    const run = new PageRun(page, home, {
      PATH: `${programs}:${Deno.env.get("PATH") ?? ""}`,
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_CONFIG_HOME: join(home, "config"),
      DENO_DIR: await denoFolder(),
      NO_COLOR: "1",
      LC_ALL: "C.UTF-8",
    });
    await Deno.mkdir(join(home, "config", "epsilon"), { recursive: true });
    await Deno.writeTextFile(join(home, "config", "epsilon", "config.toml"), SHORTENED);
    const code = page.blocks.map(({ text }) => text).join("\n");
    for (const [name, write] of Object.entries(STAND_INS)) {
      if (!new RegExp(`(?<![\\w./-])${RegExp.escape(name)}(?![\\w.-])`).test(code)) continue;
      await Deno.mkdir(dirname(join(place, name)), { recursive: true });
      await write(join(place, name));
      run.used.standIns.add(name);
    }
    return run;
  }

  /** Runs a block of shell commands and compares what it prints with `shown`, the block behind it, if there is one. */
  async shell({ text, line }: Block, shown: Block | undefined): Promise<void> {
    const { code, stdout, stderr } = await this.#run("bash", [
      "-euo",
      "pipefail",
      "-c",
      runnable(text, this.used.notRun),
    ]);
    assert.equal(code, 0, `${this.#page.path}, line ${line}: exit code ${code}\n${text}\n${stdout}\n${stderr}`);
    if (shown !== undefined) requireShown(stdout, shown, this.#page.path);
  }

  /** Runs a block of another language by `program`, which reads it from the file that is its last argument. */
  async snippet({ text, line }: Block, program: string, args: readonly string[]): Promise<void> {
    const file = join(this.#home, "snippet");
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await this.#run(program, [...args, file]);
    assert.equal(code, 0, `${this.#page.path}, line ${line}: exit code ${code}\n${text}\n${stdout}\n${stderr}`);
  }

  async #run(program: string, args: readonly string[]) {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: join(this.#home, "place"),
      env: this.#environment,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}

async function writeProgram(path: string, body: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/usr/bin/env bash\n${body}\n`, { mode: 0o755 });
}

/** Where Deno keeps packages: a home of one's own must not fetch them again. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** Numbers that processors of other kinds may round otherwise agree to three figures. */
const NEAR = 2e-3;

/**
 * Throws unless `printed` is what the page shows: the same words, numbers with a fraction to three figures; `…` stands
 * for anything within a line, a line of `…` alone for any lines.
 */
export function requireShown(printed: string, { text, line }: Block, path: string): void {
  const words = (source: string) => source.trimEnd().replaceAll(/[ \t]+/g, " ");
  const number = /-?\d+\.\d+(?:e[+-]?\d+)?/;
  const pattern = words(text).split(/(-?\d+\.\d+(?:e[+-]?\d+)?|^…$|…)/m).map((part) => {
    if (part === "…") return "[^\\n]*?";
    return number.test(part) ? `(${number.source})` : RegExp.escape(part);
  }).join("");
  const wanted = (words(text).match(new RegExp(number, "g")) ?? []).map(Number);
  const found = new RegExp(`^${pattern.replaceAll("\\n[^\\n]*?\\n", "\\n(?:[^\\n]*\\n)*?")}$`).exec(words(printed));
  const where = `${path}, line ${line}: the page shows\n${text}\nbut it prints\n${printed}`;
  assert.ok(found !== null, where);
  found.slice(1).map(Number).forEach((value, i) => {
    assert.ok(Math.abs(value - wanted[i]) <= NEAR * Math.max(1e-3, Math.abs(wanted[i])), `${value}: ${where}`);
  });
}
