import assert from "node:assert/strict";
import { screenOf, type ScreenSource } from "../../src/cli/screen.ts";
import { parseCommandLine } from "../../src/libraries/arguments.ts";
import { PROGRAM } from "../../src/cli/program_spec.ts";

function screenWith(variables: Record<string, string>, { isTerminal = true, columns = 120, rows = 50 } = {}) {
  const size: ScreenSource["size"] = () => {
    if (!isTerminal) throw new Deno.errors.BadResource("no terminal");
    return { columns, rows };
  };
  return screenOf({ isTerminal, environment: (name) => variables[name], size });
}

Deno.test("lines are redrawn on a terminal that can, and not where a log is written", () => {
  assert.ok(screenWith({ TERM: "xterm" }).redraws);
  assert.ok(screenWith({ TERM: "xterm", CI: "" }).redraws);
  assert.ok(screenWith({ TERM: "xterm", CI: "false" }).redraws);
  assert.ok(!screenWith({ TERM: "dumb" }).redraws);
  assert.ok(!screenWith({ TERM: "xterm", CI: "true" }).redraws);
  assert.ok(!screenWith({ TERM: "xterm" }, { isTerminal: false }).redraws);
});

Deno.test("a redrawn screen has the terminal's own size; elsewhere COLUMNS and LINES come first", () => {
  const size = ({ columns, rows }: ReturnType<typeof screenWith>) => [columns, rows];
  const given = { TERM: "xterm", COLUMNS: "40", LINES: "10" };
  assert.deepEqual(size(screenWith(given)), [120, 50]);
  assert.deepEqual(size(screenWith(given, { columns: 0, rows: 0 })), [40, 10]);
  assert.deepEqual(size(screenWith({ ...given, TERM: "dumb" })), [40, 10]);
  assert.deepEqual(size(screenWith(given, { isTerminal: false })), [40, 10]);
  assert.deepEqual(size(screenWith({}, { isTerminal: false })), [undefined, undefined]);
  for (const columns of ["0", "-1", "wide", "", "1e3", "999999"]) {
    assert.deepEqual(size(screenWith({ COLUMNS: columns }, { isTerminal: false })), [undefined, undefined], columns);
  }
});

Deno.test("help fits into narrow lines, and every word of it stays", () => {
  const help = (path: readonly string[], columns: number) => {
    const line = parseCommandLine(PROGRAM, [...path, "--help"], columns);
    return line.kind === "print" ? line.text : "";
  };
  const words = (text: string) => text.split(/\s+/);
  for (const path of [[], ["train"], ["data", "fetch"], ["doctor"]]) {
    const wide = help(path, 120);
    for (const columns of [40, 60, 80]) {
      const narrow = help(path, columns);
      assert.deepEqual(words(narrow), words(wide));
      // A line can only be longer where one word is, or an example, or what an option is called.
      const long = narrow.split("\n").filter((line) => line.length > columns && !/^ {2}(\S|-)/.test(line));
      assert.deepEqual(long, [], `${path} at ${columns}`);
    }
  }
});
