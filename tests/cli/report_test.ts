import assert from "node:assert/strict";
import { ALL_INSTRUMENTS, writeRun } from "../report/made_runs.ts";
import { runProgram, withFolder } from "./run_program.ts";

const names = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();

Deno.test("report writes a page and the specifications of its charts beside it", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, { name: "first", instruments: ALL_INSTRUMENTS });
    await writeRun(`${folder}/b`, { name: "second", seed: 43 });
    await Deno.writeTextFile(`${folder}/b/bins.csv`, "something else\n");
    const args = ["report", `${folder}/a`, `${folder}/b`, "--out", `${folder}/page.html`, "--title", "Two"];
    const { code, stdout, stderr } = await runProgram(args);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^warning: Cannot read .*bins\.csv, line 1: header is "something else"/m);
    assert.match(stderr, /^Wrote .*page\.html and \d+ specifications in .*page-charts$/m);
    const page = await Deno.readTextFile(`${folder}/page.html`);
    assert.match(page, /^<!DOCTYPE html>[\s\S]*<h1>Two<\/h1>[\s\S]*<\/html>\n$/);
    const specifications = await names(`${folder}/page-charts`);
    assert.ok(specifications.includes("depth.vl.json"));
    assert.equal([...page.matchAll(/href="page-charts\//g)].length, specifications.length);
  });
});

Deno.test("report refuses in one line what it cannot read or write, and leaves nothing half-written", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, { name: "first" });
    await Deno.writeTextFile(`${folder}/file`, "");
    const out = ["--out", `${folder}/page.html`];
    const cases: [string[], number, RegExp][] = [
      [out, 2, /missing required argument/],
      [[`${folder}/none`, ...out], 3, /none: no such file/],
      [[folder, ...out], 3, /has no metrics\.csv/],
      [[`${folder}/a`, `${folder}/a`, ...out], 2, /named twice/],
      [[`${folder}/a`, "--out", `${folder}/page.pdf`], 2, /ends in \.html/],
      [[`${folder}/a`, "--out", `${folder}/file/page.html`], 3, /not a folder/],
    ];
    for (const [args, code, pattern] of cases) {
      const { code: found, stdout, stderr } = await runProgram(["report", ...args]);
      assert.equal(found, code, stderr);
      assert.match(stderr, pattern);
      assert.deepEqual([stdout, stderr.trimEnd().split("\n").length], ["", 1]);
    }
    assert.deepEqual(await names(folder), ["a", "file"]);
  });
});
