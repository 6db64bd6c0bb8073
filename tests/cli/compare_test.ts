import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCsv } from "../../src/libraries/csv.ts";
import { writeRun } from "../report/made_runs.ts";
import { runProgram, withFolder } from "./run_program.ts";
import { Workplace } from "./small_training.ts";

async function writeFour(folder: string): Promise<string[]> {
  const runs = [42, 43].flatMap((seed) => (["exit", "soft"] as const).map((halting) => ({ seed, halting })));
  for (const [i, { seed, halting }] of runs.entries()) {
    await writeRun(`${folder}/${i}`, { name: `${halting}-${seed}`, seed, halting, shift: i });
  }
  return runs.map((_, i) => `${folder}/${i}`);
}

Deno.test("compare prints tables for people, Markdown, JSON and CSV of the same figures", async () => {
  await withFolder(async (folder) => {
    const runs = await writeFour(folder);
    const plain = await runProgram(["compare", ...runs]);
    assert.equal(plain.code, 0, plain.stderr);
    assert.match(plain.stdout, /^best accuracy, % +epsilon-exit +2 +78\.00 +1\.41 +\[65\.29, 90\.71\]$/m);
    assert.match(plain.stdout, /^halting +exit +soft$/m);
    assert.match(
      plain.stdout,
      /^best accuracy, % +epsilon-exit +epsilon-soft +1\.00 +\[1\.00, 1\.00\] +paired by seed +2$/m,
    );
    assert.equal(plain.stderr.split("\n").filter((line) => line.includes("predictions.csv")).length, 1);
    const markdown = (await runProgram(["compare", ...runs, "--markdown"])).stdout;
    assert.match(
      markdown,
      /^\| best accuracy, % \| epsilon-exit \| 2 \| 78\.00 \| 1\.41 \| \\\[65\.29, 90\.71\\\] \|$/m,
    );
    const json = JSON.parse((await runProgram(["compare", ...runs, "--json"])).stdout);
    assert.equal(json.configurations.length, 2);
    const { mean, n } = json.configurations[0].figures.best_accuracy;
    assert.equal(n, 2);
    assert.deepEqual(json.differing_options, { halting: { "epsilon-exit": "exit", "epsilon-soft": "soft" } });
    const written = await runProgram(["compare", ...runs, "--csv", "--out", `${folder}/all.csv`]);
    assert.deepEqual([written.code, written.stdout], [0, ""]);
    const text = await Deno.readTextFile(`${folder}/all.csv`);
    const [header, ...rows] = (await Array.fromAsync(parseCsv(text, { name: "all.csv" }))).map(({ values }) => values);
    const row = rows.find(([kind, group, , , , metric]) =>
      kind === "configuration" && group === "epsilon-exit" && metric === "best_accuracy"
    );
    assert.equal(Number(row?.[header.indexOf("value")]), mean);
  });
});

Deno.test("predictions that evaluate wrote are tested, run against run", async () => {
  await using place = await Workplace.make();
  for (const seed of ["1", "2"]) {
    await place.train(`run-${seed}`, "--epochs", "1", "--seed", seed);
    const { code, stderr } = await place.run(
      ...["evaluate", `run-${seed}`, "--split", "all", "--device", "reference"],
      ...["--predictions", `run-${seed}/predictions.csv`],
    );
    assert.equal(code, 0, stderr);
  }
  const { stdout, stderr } = await place.run("compare", "run-1", "run-2", "--json");
  assert.equal(stderr, "");
  const [test] = JSON.parse(stdout).mcnemar;
  assert.equal(test.reviews, 60);
  assert.equal(test.both_right + test.only_first_right + test.only_second_right + test.both_wrong, 60);
  assert.deepEqual(test.splits, ["all"]);
});

Deno.test("compare refuses in one line what it cannot do", async () => {
  await withFolder(async (folder) => {
    const [run] = await writeFour(folder);
    const cases: [string[], number, RegExp][] = [
      [[], 2, /missing required argument/],
      [[run, "--json", "--csv"], 2, /more than one form/],
      [[run, run], 2, /named twice/],
      [[join(folder, "none")], 3, /no such file/],
      [[run, "--out", folder], 3, /it is a folder/],
    ];
    for (const [args, code, pattern] of cases) {
      const { code: found, stdout, stderr } = await runProgram(["compare", ...args]);
      assert.equal(found, code, stderr);
      assert.match(stderr, pattern);
      assert.equal(stdout, "");
    }
  });
});
