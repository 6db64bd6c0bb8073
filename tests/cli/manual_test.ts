import assert from "node:assert/strict";
import { completedCommands } from "../../src/cli/completions/commands.ts";
import { manualPage } from "../../src/cli/manual_page.ts";
import { PROGRAM } from "../../src/cli/program_spec.ts";
import type { CommandSpec } from "../../src/libraries/arguments.ts";
import { runProgram, withFolder } from "./run_program.ts";

const PAGE = manualPage(PROGRAM, "2026-11-28");

/** Text that would be a request, a quote or an escape in roff. */
const NASTY: CommandSpec = {
  name: "epsilon",
  summary: ".TH of 'it' \\fB",
  version: "1",
  children: [{
    name: "odd",
    summary: `'br "quoted" \\n(.l ${"long ".repeat(40)}é²`,
    positionals: [{ name: "texts", description: ".", required: true, variadic: true }],
    options: [{ flags: "--value <a'b>", kind: "value", description: "\\(co of --value", choices: ["'one'", ".two"] }],
    notes: "Examples:\n.TH\n  'epsilon odd' \\ --value",
  }],
};

/** Programs that read manual pages and tell faults. */
const READERS = {
  mandoc: ["-T", "lint"],
  groff: ["-man", "-T", "utf8", "-ww", "-z"],
};

const there = (program: string) => new Deno.Command("which", { args: [program] }).outputSync().success;

async function read(program: string, args: readonly string[]): Promise<{ faults: string; text: string }> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [...args], env: { COLUMNS: "300" } }).output();
  const decoder = new TextDecoder();
  return { faults: decoder.decode(stderr), text: decoder.decode(stdout) };
}

for (const [program, args] of Object.entries(READERS)) {
  Deno.test({
    name: `${program} finds no fault in the manual page, whatever the descriptions hold`,
    ignore: !there(program),
    fn: () =>
      withFolder(async (folder) => {
        for (const page of [PAGE, manualPage(NASTY, "2026-11-28")]) {
          await Deno.writeTextFile(`${folder}/epsilon.1`, page);
          const { faults, text } = await read(program, [...args, `${folder}/epsilon.1`]);
          assert.deepEqual([faults, program === "mandoc" ? text : ""], ["", ""]);
        }
        await Deno.writeTextFile(`${folder}/broken.1`, PAGE.replace(".SH NAME", ".SH NAME\n.XYZ \\f"));
        const { faults, text } = await read(program, [...args, `${folder}/broken.1`]);
        assert.notEqual(faults + text, "", "it would tell");
      }),
  });
}

Deno.test({
  name: "the manual page shows nasty text as it is",
  ignore: !there("mandoc"),
  fn: () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/epsilon.1`, manualPage(NASTY, "2026-11-28"));
      const { text } = await read("mandoc", ["-T", "utf8", "-O", "width=300", `${folder}/epsilon.1`]);
      // deno-lint-ignore no-control-regex -- bold letters are written twice with a backspace between
      const plain = text.replaceAll(/.\x08/g, "").replaceAll(/[ \n]+/g, " ");
      for (
        const shown of [
          "epsilon - .TH of 'it' \\fB",
          `'br "quoted" \\n(.l long`,
          "long é².",
          "--value a'b",
          "\\(co of --value; 'one', .two",
          "Examples: .TH 'epsilon odd' \\ --value",
        ]
      ) assert.ok(plain.includes(shown), `${shown} in ${plain}`);
    }),
});

Deno.test("the manual page names every command and option", () => {
  const commands = completedCommands(PROGRAM);
  for (const { paths: [path], options } of commands) {
    for (const { names: [name] } of options) {
      if (["--help", "--version"].includes(name)) continue;
      assert.ok(PAGE.includes(`\\fB${name.replaceAll("-", "\\-")}`), `${path} ${name}`);
    }
  }
  for (const { paths: [path], children } of commands) {
    if (path === "" || children.length > 0) continue;
    assert.ok(PAGE.includes(`.SS "${path.replaceAll("-", "\\-")}"\n`), path);
  }
});

Deno.test("man prints the page of this version", async () => {
  const { code, stdout, stderr } = await runProgram(["man"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const [first, ...rest] = stdout.split("\n");
  assert.match(first, /^\.TH EPSILON 1 \d{4}-\d\d-\d\d "epsilon [^"]+" "User Commands"$/);
  assert.deepEqual(rest, PAGE.split("\n").slice(1));
});
