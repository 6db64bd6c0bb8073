import assert from "node:assert/strict";
import { DataError, UsageError } from "../../src/errors.ts";
import { type ExportOptions, exportRuns } from "../../src/metrics/export.ts";
import { METRICS_HEADER } from "../../src/metrics/metrics_csv.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import { createRun, inFolder, madeEvents } from "./made_run.ts";

async function table(folders: string[], options: Partial<ExportOptions> = {}): Promise<string> {
  return (await Array.fromAsync(exportRuns(folders, { format: "csv", wide: false, ...options }))).join("");
}

async function tables(path: string, metrics: string, timing?: string): Promise<string> {
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/metrics.csv`, METRICS_HEADER + metrics);
  if (timing !== undefined) await Deno.writeTextFile(`${path}/timing.csv`, METRICS_HEADER + timing);
  return path;
}

const METRICS = [
  "b,50,,train,loss,0.5\n",
  "b,50,,train,grad_norm,\n",
  "b,50,1,train,loss,0.6\n",
  "b,50,1,validation,accuracy,0.75\n",
  "b,100,,train,loss,0.25\n",
];
const TIMING = ["b,50,,train,seconds,1e-7\n", "b,50,1,train,seconds,2\n", "b,75,,train,seconds,3\n"];

Deno.test("tidy export joins both tables of all runs, ordered by run and step, every field as it was", () =>
  inFolder(async (root) => {
    const b = await tables(`${root}/1`, METRICS.join(""), TIMING.join(""));
    const a = await tables(`${root}/2`, "a,1,,train,loss,3\n");
    const [m1, m2, m3, m4, m5] = METRICS;
    const [t1, t2, t3] = TIMING;
    assert.equal(
      await table([b, a]),
      [METRICS_HEADER, "a,1,,train,loss,3\n", m1, m2, m3, m4, t1, t2, t3, m5].join(""),
    );
  }));

Deno.test("wide export has one row for each run, step, epoch and split", () =>
  inFolder(async (root) => {
    const b = await tables(`${root}/1`, METRICS.join(""), TIMING.join(""));
    assert.equal(
      await table([b], { wide: true }),
      [
        "run,step,epoch,split,loss,grad_norm,accuracy,seconds",
        "b,50,,train,0.5,,,1e-7",
        "b,50,1,train,0.6,,,2",
        "b,50,1,validation,,,0.75,",
        "b,75,,train,,,,3",
        "b,100,,train,0.25,,,",
        "",
      ].join("\n"),
    );
  }));

Deno.test("JSONL export holds the same values, missing ones as null", () =>
  inFolder(async (root) => {
    const b = await tables(`${root}/1`, METRICS.slice(0, 2).join(""));
    const parse = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const key = { version: 1, run: "b", step: 50, epoch: null, split: "train" };
    assert.deepEqual(parse(await table([b], { format: "jsonl" })), [
      { ...key, metric: "loss", value: 0.5 },
      { ...key, metric: "grad_norm", value: null },
    ]);
    assert.deepEqual(parse(await table([b], { format: "jsonl", wide: true })), [{
      ...key,
      loss: 0.5,
      grad_norm: null,
    }]);
  }));

Deno.test("a value that comes twice begins another wide row", () =>
  inFolder(async (root) => {
    const a = await tables(`${root}/1`, "a,1,,train,loss,1\na,1,,train,loss,2\na,1,,train,ece,3\n");
    assert.equal(await table([a], { wide: true }), "run,step,epoch,split,loss,ece\na,1,,train,1,\na,1,,train,2,3\n");
  }));

Deno.test("runs of one name are told apart by their paths, a folder named twice is refused", () =>
  inFolder(async (root) => {
    const one = await tables(`${root}/one`, "a,1,,train,loss,1\n");
    const two = await tables(`${root}/two`, "a,1,,train,loss,2\n");
    assert.equal(
      await table([`${two}/`, one]),
      `${METRICS_HEADER}${one},1,,train,loss,1\n${two},1,,train,loss,2\n`,
    );
    await assert.rejects(table([one, `${root}/../${root.split("/").at(-1)}/one`]), UsageError);
  }));

Deno.test("what a real run writes is exported whole", () =>
  inFolder(async (root) => {
    await using folder = await createRun(`${root}/run`);
    await Array.fromAsync(recordRun(madeEvents(), folder));
    const lines = async (name: string) => (await Deno.readTextFile(`${root}/run/${name}`)).split("\n").slice(1, -1);
    const wanted = [...await lines("metrics.csv"), ...await lines("timing.csv")].toSorted();
    const [header, ...rows] = (await table([`${root}/run`])).trimEnd().split("\n");
    assert.equal(`${header}\n`, METRICS_HEADER);
    assert.deepEqual(rows.toSorted(), wanted);
    const steps = rows.map((row) => Number(row.split(",")[1]));
    assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
  }));

Deno.test("the half-written line of a run under way is left out and told", () =>
  inFolder(async (root) => {
    const a = await tables(`${root}/1`, "a,1,,train,loss,1\na,2,,tra");
    for (const wide of [false, true]) {
      const told: string[] = [];
      const text = await table([a], { wide, onUnfinishedLine: (path, line) => told.push(`${path} ${line}`) });
      assert.match(text, /\na,1,,train,(loss,)?1\n$/);
      assert.deepEqual(told, [`${a}/metrics.csv a,2,,tra`]);
    }
  }));

Deno.test("text that a spreadsheet would run as a formula is guarded", () =>
  inFolder(async (root) => {
    const a = await tables(`${root}/1`, "=1+1,1,,train,loss,-1\n");
    assert.equal(await table([a]), `${METRICS_HEADER}'=1+1,1,,train,loss,-1\n`);
  }));

Deno.test("a missing folder, a folder without metrics and a broken row are clear errors", () =>
  inFolder(async (root) => {
    await Deno.mkdir(`${root}/empty`);
    const broken = await tables(`${root}/broken`, "a,1,,train,loss,1\na,x,,train,loss,1\n");
    const rejects = (folder: string, place: RegExp) =>
      assert.rejects(table([folder]), (error) => {
        assert.ok(error instanceof DataError, String(error));
        assert.match(error.message, place);
        return true;
      });
    await rejects(`${root}/none`, /none: no such file or folder/);
    await rejects(`${root}/empty`, /it has no metrics\.csv/);
    await rejects(broken, /metrics\.csv, line 3: step is "x"/);
  }));

Deno.test("a long run is exported in pieces, not as one text", () =>
  inFolder(async (root) => {
    const rows = Array.from({ length: 5000 }, (_, step) => `a,${step},,train,loss,${step / 7}\n`).join("");
    const a = await tables(`${root}/1`, rows);
    const pieces = await Array.fromAsync(exportRuns([a], { format: "csv", wide: false }));
    assert.ok(pieces.length > 3);
    assert.equal(pieces.join(""), METRICS_HEADER + rows);
  }));
