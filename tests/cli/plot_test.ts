import assert from "node:assert/strict";
import { ALL_INSTRUMENTS, writeRun } from "../report/made_runs.ts";
import { runProgram, withFolder } from "./run_program.ts";

const names = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();

Deno.test("plot writes the SVG and its specification, or one of the two", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, { name: "first", instruments: ALL_INSTRUMENTS });
    await writeRun(`${folder}/b`, { name: "second" });
    const drawn = await runProgram([
      "plot",
      `${folder}/a`,
      `${folder}/b`,
      "--chart",
      "depth",
      "--out",
      `${folder}/d.svg`,
    ]);
    assert.deepEqual(drawn, { code: 0, stdout: "", stderr: "" });
    assert.match(await Deno.readTextFile(`${folder}/d.svg`), /^<svg [\s\S]*first[\s\S]*second[\s\S]*<\/svg>$/);
    assert.deepEqual(await names(folder), ["a", "b", "d.svg", "d.vl.json"]);
    const printed = await runProgram(["plot", `${folder}/a`, "--chart", "depth"]);
    assert.match(printed.stdout, /^<svg /);
    await runProgram(["plot", `${folder}/a`, "--chart", "loss", "--out", `${folder}/l.vl.json`]);
    const { data } = JSON.parse(await Deno.readTextFile(`${folder}/l.vl.json`));
    assert.equal(data.values.length, 6);
    // A run that lacks the table is left out and named.
    const half = await runProgram(["plot", `${folder}/a`, `${folder}/b`, "--chart", "reliability"]);
    assert.equal(half.code, 0);
    assert.match(half.stderr, /^warning: second is left out: it has no reliability\.csv: run epsilon diagnose /);
  });
});

Deno.test("plot refuses in one line what it cannot draw or write", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, { name: "first" });
    await writeRun(`${folder}/b`, { name: "second" });
    const cases: [string[], number, RegExp][] = [
      [["--chart", "depht", `${folder}/a`], 2, /Did you mean depth\?/],
      [[`${folder}/a`], 2, /none was named/],
      [["--chart", "depth"], 2, /no run was named/],
      [["--chart", "depth", `${folder}/a`, `${folder}/a`], 2, /named twice/],
      [["--chart", "confusion", `${folder}/a`, `${folder}/b`], 2, /shows one run, found 2/],
      [["--chart", "depth", `${folder}/a`, "--out", `${folder}/a.png`], 2, /ends in \.svg/],
      [["--chart", "depth", `${folder}/a`, "--out", `${folder}/no/a.svg`], 3, /no such file or folder/],
      [["--chart", "depth", `${folder}/none`], 3, /none: no such file/],
      [["--chart", "reliability", `${folder}/a`], 3, /first has no reliability\.csv: run epsilon diagnose/],
    ];
    for (const [args, code, pattern] of cases) {
      const { code: found, stdout, stderr } = await runProgram(["plot", ...args]);
      assert.equal(found, code, stderr);
      assert.match(stderr, pattern);
      assert.deepEqual([stdout, stderr.trimEnd().split("\n").length], ["", 1]);
    }
    assert.deepEqual(await names(folder), ["a", "b"]);
  });
});
