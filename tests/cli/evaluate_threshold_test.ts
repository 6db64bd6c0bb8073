import assert from "node:assert/strict";
import { join } from "node:path";
import { Workplace } from "./small_training.ts";

const REFERENCE = ["--device", "reference"];

Deno.test("evaluate at thresholds prints the curve and fills threshold.csv, the same to the byte each time", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const args = ["evaluate", "run", "--halt-threshold", "0.1:1:0.3", ...REFERENCE];
  const { code, stdout, stderr } = await place.run(...args, "--json");
  assert.equal(code, 0, stderr);
  const { thresholds } = JSON.parse(stdout);
  assert.deepEqual(thresholds.map((point: { threshold: number }) => point.threshold), [0.1, 0.4, 0.7, 1]);
  const usual = JSON.parse((await place.run("evaluate", "run", ...REFERENCE, "--json")).stdout);
  for (const metric of ["accuracy", "loss", "task_loss", "halting_steps_mean", "halting_depth_mean"]) {
    assert.equal(thresholds[3][metric], usual[metric], metric);
  }
  const steps: number[] = thresholds.map((point: { halting_steps_mean: number }) => point.halting_steps_mean);
  assert(steps[0] < steps[3]);
  for (const point of thresholds) {
    // Inference ends with [CLS], so it computes no more than every token's own steps.
    assert(point.inference_steps_mean <= point.halting_steps_mean);
    assert.equal(point.inference_token_steps, Math.round(point.inference_steps_mean * point.tokens));
    assert(point.inference_seconds > 0);
  }

  const csv = await place.read("run", "threshold.csv");
  const [header, ...rows] = csv.trimEnd().split("\n").map((row) => row.split(","));
  assert.equal(header.join(), "run,step,epoch,split,threshold,metric,value");
  const { run } = JSON.parse(await place.read("run", "run.json"));
  assert(rows.every((row) => row[0] === run && row[3] === "validation"));
  const accuracies = rows.filter((row) => row[5] === "accuracy").map((row) => [Number(row[4]), Number(row[6])]);
  assert.deepEqual(
    accuracies,
    thresholds.map((p: { threshold: number; accuracy: number }) => [p.threshold, p.accuracy]),
  );

  const table = await place.run(...args);
  assert.match(table.stdout, /^threshold +accuracy % +± % +task loss/);
  assert.equal(table.stdout.trimEnd().split("\n").length, 5);
  assert.equal(await place.read("run", "threshold.csv"), csv);
});

Deno.test("--out takes the curve elsewhere, and a checkpoint without a run is printed only", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const one = ["--halt-threshold", "0.5", ...REFERENCE];
  assert.equal((await place.run("evaluate", "run", ...one, "--out", "curve.csv")).code, 0);
  assert.match(await place.read("curve.csv"), /^run,step,epoch,split,threshold,metric,value\n.*,0\.5,accuracy,/);
  await assert.rejects(place.read("run", "threshold.csv"), Deno.errors.NotFound);
  await Deno.mkdir(join(place.folder, "elsewhere"));
  await Deno.copyFile(join(place.folder, "run/best.safetensors"), join(place.folder, "elsewhere/model.safetensors"));
  const alone = await place.run("evaluate", "elsewhere/model.safetensors", "--data", "reviews.csv", ...one);
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stderr, /only printed/);
});

Deno.test("wrong thresholds, --out alone and a model that never halts are usage errors; a bad --out a file error", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  await place.train("fixed", "--epochs", "1", "--halting", "repeat-k", "--repeat", "2");
  const cases: readonly (readonly [number, RegExp, string[]])[] = [
    [2, /lies above/, ["run", "--halt-threshold", "0.9:0.1:0.1"]],
    [2, /no --halt-threshold was given/, ["run", "--out", "curve.csv"]],
    [2, /never halt/, ["fixed", "--halt-threshold", "0.5"]],
    [3, /Cannot write/, ["run", "--halt-threshold", "0.5", "--out", "nowhere/curve.csv"]],
  ];
  for (const [wanted, pattern, args] of cases) {
    const { code, stdout, stderr } = await place.run("evaluate", ...args, ...REFERENCE);
    assert.equal(code, wanted, stderr);
    assert.match(stderr, pattern);
    assert.equal(stdout, "");
  }
});
