import assert from "node:assert/strict";
import { parseCsv } from "../../src/libraries/csv.ts";
import { runProgram, withFolder } from "./run_program.ts";

const HEADER = "run,step,epoch,split,metric,value\n";

/** A run folder with tables of two steps. */
async function writeRun(path: string, name: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  const metrics = [`${name},1,,train,loss,0.75`, `${name},2,,train,loss,0.5`, `${name},2,1,validation,accuracy,0.625`];
  await Deno.writeTextFile(`${path}/metrics.csv`, `${HEADER}${metrics.join("\n")}\n`);
  await Deno.writeTextFile(`${path}/timing.csv`, `${HEADER}${name},1,,train,tokens_per_second,1e21\n`);
}

async function rows(csv: string): Promise<(readonly string[])[]> {
  return (await Array.fromAsync(parseCsv(csv, { name: "output" }))).map(({ values }) => values);
}

Deno.test("runs are joined into one tidy table, with the timing", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/b`, "second");
    await writeRun(`${folder}/a`, "first");
    const { code, stdout, stderr } = await runProgram(["export", `${folder}/b`, `${folder}/a`]);
    assert.deepEqual([code, stderr], [0, ""]);
    const [header, ...body] = await rows(stdout);
    assert.equal(header.join(), HEADER.trimEnd());
    assert.equal(body.length, 8);
    assert.deepEqual(body.map(([run]) => run).filter((run, i, all) => run !== all[i - 1]), ["first", "second"]);
    assert.deepEqual(body.find(([run, , , , metric]) => run === "second" && metric === "tokens_per_second"), [
      "second",
      "1",
      "",
      "train",
      "tokens_per_second",
      "1e+21",
    ]);
  });
});

Deno.test("--wide has a column for each metric, --json and .jsonl give JSON lines", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, "first");
    const wide = await rows((await runProgram(["export", "--wide", `${folder}/a`])).stdout);
    assert.deepEqual(wide[0], ["run", "step", "epoch", "split", "loss", "accuracy", "tokens_per_second"]);
    assert.deepEqual(wide[3], ["first", "2", "1", "validation", "", "0.625", ""]);
    const { stdout } = await runProgram(["export", "--json", `${folder}/a`]);
    assert.deepEqual(JSON.parse(stdout.split("\n")[0]), {
      version: 1,
      run: "first",
      step: 1,
      epoch: null,
      split: "train",
      metric: "loss",
      value: 0.75,
    });
    const written = await runProgram(["export", `${folder}/a`, "--out", `${folder}/all.jsonl`]);
    assert.deepEqual(written, { code: 0, stdout: "", stderr: "" });
    assert.equal(await Deno.readTextFile(`${folder}/all.jsonl`), stdout);
  });
});

Deno.test("a half-written last line is left out and said", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, "first");
    await Deno.writeTextFile(`${folder}/a/metrics.csv`, "first,3,,tr", { append: true });
    const { code, stdout, stderr } = await runProgram(["export", `${folder}/a`]);
    assert.equal(code, 0);
    assert.equal((await rows(stdout)).length, 5);
    assert.match(stderr, /half-written/);
  });
});

Deno.test("a broken run is one line with the place, and an earlier export stays as it was", async () => {
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, "first");
    const out = `${folder}/all.csv`;
    await Deno.writeTextFile(out, "earlier");
    const fails = async (args: readonly string[], code: number, pattern: RegExp) => {
      const finished = await runProgram(["export", ...args]);
      assert.equal(finished.code, code, finished.stderr);
      assert.match(finished.stderr, pattern);
      assert.equal(finished.stderr.trimEnd().split("\n").length, 1);
    };
    await fails([`${folder}/missing`, "--out", out], 3, /missing: no such file/);
    await fails([folder, "--out", out], 3, /metrics\.csv/);
    await fails([`${folder}/a`, `${folder}/a`, "--out", out], 2, /named twice/);
    await fails([], 2, /missing required argument 'runs'/);
    await fails([`${folder}/a`, "--out", `${folder}/no/such/all.csv`], 3, /no such file or folder/);
    await fails([`${folder}/a`, "--out", folder], 3, /it is a folder/);
    await Deno.writeTextFile(`${folder}/a/metrics.csv`, `${HEADER}first,x,,train,loss,1\n`);
    await fails([`${folder}/a`, "--out", out], 3, /metrics\.csv.*line 2/);
    assert.equal(await Deno.readTextFile(out), "earlier");
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
    assert.deepEqual(names, ["a", "all.csv"]);
  });
});
