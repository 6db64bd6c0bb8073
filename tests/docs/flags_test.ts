import assert from "node:assert/strict";
import { PROGRAM } from "../../src/cli/program_spec.ts";
import type { CommandSpec } from "../../src/libraries/arguments.ts";
import { type Page, readPage, readPages } from "./markdown.ts";

/** Flags of other programs that the pages mention, by the program whose command line they stand in. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  npx: ["--yes"],
  "deno install": ["--frozen"],
  "deno task build": ["--target", "--way"],
  "deno run": ["--preload"],
  "deno task kills": ["--kills", "--chain"],
  "deno task fuzz": ["--inputs", "--case"],
  sha256sum: ["--check"],
};

function flagsOf(spec: CommandSpec): string[] {
  const own = (spec.options ?? []).flatMap(({ flags }) => flags.match(/--[a-z][a-z0-9-]*/g) ?? []);
  return [...own, ...(spec.children ?? []).flatMap(flagsOf)];
}

const known = new Set([...flagsOf(PROGRAM), "--help", "--version", ...Object.values(FOREIGN).flat()]);

function unknownFlags({ path, text }: Page): string[] {
  const found = text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g);
  return [...found].map(([flag]) => flag).filter((flag) => !known.has(flag)).map((flag) => `${path}: ${flag}`);
}

Deno.test("every option that a page mentions is one of the program", async () => {
  const pages = await readPages();
  assert.deepEqual(pages.flatMap(unknownFlags), []);
  assert.deepEqual(unknownFlags(readPage("x.md", "`--learning-rate 1`, `--lerning-rate 1`")), ["x.md: --lerning-rate"]);
});

Deno.test("each flag of another program is still mentioned", async () => {
  const text = (await readPages()).map((page) => page.text).join("\n");
  assert.deepEqual(Object.values(FOREIGN).flat().filter((flag) => !text.includes(flag)), []);
});
