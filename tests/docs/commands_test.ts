import assert from "node:assert/strict";
import { type Block, readPage, readPages } from "./markdown.ts";
import { NOT_RUN, PageRun, requireShown } from "./page_run.ts";
import { STAND_INS } from "./stand_ins.ts";

/** Languages of snippets, and what runs them; where none of the programs is there, the step is skipped by name. */
const PROGRAMS: Readonly<
  Record<string, readonly (readonly [program: string, probe: readonly string[], args: readonly string[]])[]>
> = {
  python: [
    ["python3", ["-c", "import pandas"], []],
    ["/usr/bin/python3", ["-c", "import pandas"], []],
  ],
  r: [["Rscript", ["--version"], []]],
  gnuplot: [["gnuplot", ["--version"], []]],
};

/** Languages that are not run: shown output, files, and diagrams. */
const NOT_PROGRAMS = new Set(["", "text", "toml", "yaml", "csv", "json", "ts", "powershell"]);

async function programFor(language: string): Promise<readonly [program: string, args: readonly string[]] | undefined> {
  for (const [program, probe, args] of PROGRAMS[language]) {
    const found = await new Deno.Command(program, { args: [...probe], stdout: "null", stderr: "null" }).output()
      .then(({ success }) => success, () => false);
    if (found) return [program, args];
  }
}

const pages = (await readPages()).filter(({ blocks }) =>
  blocks.some(({ language }) => language === "sh" || language in PROGRAMS)
);
const used = { notRun: new Set<RegExp>(), standIns: new Set<string>() };

for (const page of pages) {
  Deno.test(`every command of ${page.path} does what the page says`, async (t) => {
    await using run = await PageRun.prepare(page);
    for (const [i, block] of page.blocks.entries()) {
      const next: Block | undefined = page.blocks[i + 1];
      if (block.language === "sh") {
        await run.shell(block, next?.language === "text" ? next : undefined);
      } else if (block.language in PROGRAMS) {
        const program = await programFor(block.language);
        const name = `line ${block.line}: ${block.language}`;
        const ignore = program === undefined;
        await t.step({
          name: ignore ? `${name} (not installed)` : name,
          ignore,
          fn: () => program === undefined ? Promise.resolve() : run.snippet(block, ...program),
        });
      } else {
        assert.ok(NOT_PROGRAMS.has(block.language), `${page.path}, line ${block.line}: ${block.language}`);
      }
    }
    run.used.notRun.forEach((entry) => used.notRun.add(entry));
    run.used.standIns.forEach((name) => used.standIns.add(name));
  });
}

Deno.test("every reason not to run a command, and every stand-in, is still needed", () => {
  assert.deepEqual(NOT_RUN.filter(([command]) => !used.notRun.has(command)).map(([command]) => String(command)), []);
  assert.deepEqual(Object.keys(STAND_INS).filter((name) => !used.standIns.has(name)), []);
});

Deno.test("a command that fails, and output that is not what is shown, are noticed", async () => {
  const page = readPage("x.md", "```sh\nepsilon --version\nepsilon trian\n```\n```text\n0.1\n```\n");
  await using run = await PageRun.prepare(page);
  await assert.rejects(run.shell(page.blocks[0], undefined), /x\.md, line 1: exit code 2/);
  const shown = (text: string) => ({ language: "text", line: 1, text });
  requireShown("a  0.51239 b\nrest\nend\n", shown("a 0.5124 …\n…\nend\n"), "x.md");
  for (const text of ["a 0.52 b\n", "a 0.51239 c\n", "a 0.51239 b\n0.1\n"]) {
    assert.throws(() => requireShown("a 0.51239 b\n", shown(text), "x.md"), text);
  }
});
