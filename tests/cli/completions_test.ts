import assert from "node:assert/strict";
import grammar from "tree-sitter-powershell" with { type: "bytes" };
import { Language, Parser } from "web-tree-sitter";
import { bashScript } from "../../src/cli/completions/bash.ts";
import { completedCommands, valuedNames } from "../../src/cli/completions/commands.ts";
import { fishScript } from "../../src/cli/completions/fish.ts";
import { powershellScript } from "../../src/cli/completions/powershell.ts";
import { zshScript } from "../../src/cli/completions/zsh.ts";
import { PROGRAM } from "../../src/cli/program_spec.ts";
import type { CommandSpec } from "../../src/libraries/arguments.ts";
import { canType, type ShellName, SHELLS, typeInto } from "./interactive_shell.ts";
import { runProgram, withFolder } from "./run_program.ts";

const COMMANDS = completedCommands(PROGRAM);
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** A command line that is full of what shells take for their own. */
const NASTY: CommandSpec = {
  name: "epsilon",
  summary: "s",
  version: "1",
  children: [{
    name: "odd",
    summary: `it's "quoted", $HOME, [a]: \`b\` \\ {c} %d`,
    options: [{ flags: "--value <a:b>", kind: "value", description: `'x' "y" $(z) [w]: \`v\` \\ ;`, choices: ["one"] }],
  }],
};

const programs = (name: string) => new Deno.Command("which", { args: [name] }).outputSync().success;

/** Runs a script; returns its standard output. */
async function runIn(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assert.ok(success && stderr.length === 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** What there is behind each command line: its subcommands, and its options. */
const EXPECTED = COMMANDS.flatMap(({ paths, children, options }) =>
  paths.flatMap((path) => [
    ...children.length === 0 ? [] : [{ line: [...path.split(" "), ""], words: children.map(({ name }) => name) }],
    {
      line: [...path.split(" "), "--"],
      words: options.flatMap(({ names }) => names.filter((n) => n.startsWith("--"))),
    },
  ])
).map(({ line, words }) => ({ line: line.filter((word, i) => word !== "" || i === line.length - 1), words }));

for (const shell of Object.keys(SHELLS) as ShellName[]) {
  Deno.test({
    name: `${shell} completes commands, options, words, lists, files and folders at a terminal`,
    ignore: !canType(shell),
    fn: () =>
      withFolder(async (folder) => {
        await Deno.mkdir(`${folder}/runs/first`, { recursive: true });
        await Deno.mkdir(`${folder}/runs/my run`);
        await Deno.writeTextFile(`${folder}/reviews.csv`, "");
        await Deno.writeTextFile(`${folder}/runs/file`, "");
        const lines: readonly (readonly [string, string])[] = [
          ["epsilon tra\t--halt\tso\t --dat\trev\t\n", "<train><--halting><soft><--data><reviews.csv>"],
          ["epsilon eval\truns/fir\t\n", "<evaluate><runs/first>"],
          ["epsilon train --out runs/m\t\n", "<train><--out><runs/my run>"],
          ["epsilon da\tfet\t--prog\tjs\t\n", "<data><fetch><--progress><json>"],
          ["epsilon diagnose --instr\thalting,conf\t\n", "<diagnose><--instruments><halting,confusion>"],
          ["epsilon conf\tsh\ttrai\t--mod\tvan\t\n", "<config><show><train><--model><vanilla>"],
          ["epsilon compl\tfis\t\n", "<completions><fish>"],
          // Only folders can be runs: runs/file is none.
          ["epsilon compare runs/fi\t\n", "<compare><runs/first>"],
          ["epsilon train --epochs rev\t\n", "<train><--epochs><rev>"],
        ];
        const keys = lines.map(([typed]) => typed).join("");
        const calls = await typeInto(shell, folder, SCRIPTS[shell](COMMANDS), keys);
        // zsh joins an option and its value by "=", and bash and fish leave the slash of a folder.
        const plain = calls.map((call) => call.replaceAll(/<(--[a-z-]+)=/g, "<$1><").replaceAll("/>", ">"));
        assert.deepEqual(plain, lines.map(([, given]) => given));
      }),
  });
}

Deno.test("bash offers every command and option that there is, and descriptions do it no harm", async () => {
  const line = ({ line }: { line: readonly string[] }) => ["epsilon", ...line].map((word) => `'${word}'`).join(" ");
  const script = (commands: string, lines: readonly string[]) =>
    `${commands}\n${
      lines.map((words) =>
        `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _epsilon; echo "\${COMPREPLY[@]}"\n`
      ).join("")
    }`;
  const offered = await runIn("bash", ["-c", script(bashScript(COMMANDS), EXPECTED.map(line))]);
  assert.deepEqual(
    offered.trimEnd().split("\n").map((words) => words.split(" ").toSorted()),
    EXPECTED.map(({ words }) => words.toSorted()),
  );
  const nasty = script(bashScript(completedCommands(NASTY)), [`epsilon odd --value ''`]);
  assert.equal(await runIn("bash", ["-c", nasty]), "one\n");
});

Deno.test({
  name: "fish offers every command and option that there is, and descriptions do it no harm",
  ignore: !programs("fish"),
  async fn() {
    const offers = (commands: string, lines: readonly string[]) =>
      `${commands}\n${lines.map((words) => `complete -C '${words}' | string join \\v; echo\n`).join("")}`;
    const lines = EXPECTED.map(({ line }) => ["epsilon", ...line].join(" "));
    const offered = await runIn("fish", ["--no-config", "-c", offers(fishScript(COMMANDS), lines)]);
    const words = offered.trimEnd().split("\n").filter((text) => text !== "").map((text) =>
      text.split("\v").map((offer) => offer.split("\t")[0])
    );
    assert.deepEqual(
      words.map((offer) => offer.toSorted()),
      EXPECTED.map(({ words }) => words.toSorted()),
    );
    const nasty = offers(fishScript(completedCommands(NASTY)), ["epsilon odd --value ", "epsilon o"]);
    assert.match(
      await runIn("fish", ["--no-config", "-c", nasty]),
      /^one\t'x' "y" \$\(z\) .*\n\nodd\tit's "quoted", \$HOME/,
    );
  },
});

Deno.test({
  name: "zsh reads descriptions that are full of its own signs",
  ignore: !canType("zsh"),
  fn: () =>
    withFolder(async (folder) => {
      const calls = await typeInto("zsh", folder, zshScript(completedCommands(NASTY)), "epsilon od\t--val\ton\t\n");
      assert.deepEqual(calls, ["<odd><--value=one>"]);
    }),
});

Deno.test("the PowerShell script parses, whatever the descriptions hold", async () => {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammar));
  const parses = (text: string) => parser.parse(text)?.rootNode.hasError === false;
  const script = powershellScript(COMMANDS);
  assert.ok(parses(script));
  assert.ok(parses(powershellScript(completedCommands(NASTY))));
  assert.ok(!parses(script.replace("ForEach-Object {", "ForEach-Object (")), "the parser notices a fault");
  for (const { options } of COMMANDS) {
    for (const { names: [name] } of options) assert.ok(script.includes(`,@('${name}', `), name);
  }
});

Deno.test("an option that takes a value takes one in every command", () => {
  assert.ok(valuedNames(COMMANDS).includes("--learning-rate"));
  const odd: CommandSpec = { ...NASTY, children: [...NASTY.children ?? [], { name: "b", summary: "b", options: [] }] };
  const clash = completedCommands({
    ...odd,
    children: [...odd.children ?? [], {
      name: "c",
      summary: "c",
      options: [{ flags: "--value", kind: "switch", description: "a switch" }],
    }],
  });
  assert.throws(() => valuedNames(clash), /--value is a switch here/);
});

Deno.test("completions prints the script of a shell, and names those that there are", async () => {
  for (const [shell, write] of Object.entries({ ...SCRIPTS, powershell: powershellScript })) {
    const { code, stdout, stderr } = await runProgram(["completions", shell]);
    assert.deepEqual([code, stdout, stderr], [0, write(COMMANDS), ""]);
  }
  const { code, stderr } = await runProgram(["completions", "fihs"]);
  assert.equal(code, 2);
  assert.match(stderr, /^error: Cannot complete in fihs: there is no such shell here\. Did you mean fish\?\n$/);
});
