import assert from "node:assert/strict";
import { join } from "node:path";
import { readPredictions } from "../../src/metrics/predictions_csv.ts";
import { Workplace } from "./small_training.ts";

/** Values of one epoch's validation in a run's metrics.csv, by metric. */
async function validationOf(place: Workplace, run: string, epoch: number): Promise<Map<string, number>> {
  const rows = (await place.read(run, "metrics.csv")).trimEnd().split("\n").map((row) => row.split(","));
  const wanted = rows.filter((row) => row[2] === String(epoch) && row[3] === "validation");
  return new Map(wanted.map(([, , , , metric, value]) => [metric, Number(value)]));
}

const REFERENCE = ["--device", "reference", "--json"];

Deno.test("evaluate re-makes the validation split and finds what training found for the best epoch", async () => {
  await using place = await Workplace.make();
  const trained = JSON.parse((await place.train("run", "--json")).stdout);
  const wanted = await validationOf(place, "run", trained.best.epoch);
  // The run's data is found from its run.json; batches of another size must not matter.
  const { code, stdout, stderr } = await place.run("evaluate", "run", "--batch-size", "5", ...REFERENCE);
  assert.equal(code, 0, stderr);
  const found = JSON.parse(stdout);
  for (const metric of ["loss", "task_loss", "kl_loss", "entropy_loss", "ece", "halting_depth_mean"]) {
    const value = wanted.get(metric);
    assert.ok(value !== undefined && Math.abs(found[metric] - value) <= 1e-9 * Math.abs(value), metric);
  }
  assert.equal(found.accuracy, wanted.get("accuracy"));
  assert.equal(found.reviews, 6);
  const p = found.accuracy;
  assert.ok(Math.abs(found.accuracy_standard_error - Math.sqrt(p * (1 - p) / 6)) < 1e-12);
});

Deno.test("train, validation and all cover the reviews as their names say", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const reviews: number[] = [];
  for (const split of ["train", "validation", "all"]) {
    const { stdout } = await place.run("evaluate", "run", "--split", split, ...REFERENCE);
    reviews.push(JSON.parse(stdout).reviews);
  }
  assert.deepEqual(reviews, [54, 6, 60]);
});

Deno.test("a checkpoint file alone can be evaluated away from its run", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  await Deno.mkdir(join(place.folder, "elsewhere"));
  await Deno.copyFile(join(place.folder, "run/best.safetensors"), join(place.folder, "elsewhere/model.safetensors"));
  const inRun = JSON.parse((await place.run("evaluate", "run", ...REFERENCE)).stdout);
  const { code, stdout, stderr } = await place.run(
    "evaluate",
    "elsewhere/model.safetensors",
    "--data",
    "reviews.csv",
    ...REFERENCE,
  );
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).loss, inRun.loss);
});

Deno.test("--predictions writes what is said of each review, from which the accuracy follows", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const flags = ["--predictions", "run/predictions.csv", "--split", "all", ...REFERENCE];
  const { code, stdout, stderr } = await place.run("evaluate", "run", ...flags);
  assert.equal(code, 0, stderr);
  const predictions = await Array.fromAsync(readPredictions(join(place.folder, "run/predictions.csv")));
  const { accuracy, reviews } = JSON.parse(stdout);
  assert.equal(predictions.filter(({ label, predicted }) => label === predicted).length / reviews, accuracy);
  assert.deepEqual(predictions.map(({ review }) => review), Array.from({ length: reviews }, (_, r) => r));
  const rows = (await place.read("run", "predictions.csv")).trimEnd().split("\n").slice(1).map((row) => row.split(","));
  assert.ok(rows.every((row) => Number(row[8]) >= 0.5 && Number(row[8]) < 1));
  assert.match(rows[0].join(), /^epsilon-exit-seed42-[0-9a-f]{8},7,1,all,[0-9a-f]{12},0,0,/);
  const both = await place.run("evaluate", "run", "--halt-threshold", "0.5", ...flags);
  assert.equal(both.code, 2, both.stderr);
});

Deno.test("without --json a table for people stands on stdout", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const { stdout } = await place.run("evaluate", "run", "--device", "reference");
  assert.match(stdout, /^accuracy +\d+\.\d\d % ± \d+\.\d\d % \(standard error\)$/m);
  assert.match(stdout, /^mean halting depth +\d\.\d{3}$/m);
});

Deno.test("a validation split cannot be taken from other data than the training's", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  await Deno.writeTextFile(
    join(place.folder, "other.csv"),
    (await place.read("reviews.csv")).replaceAll("dull", "dim"),
  );
  const refused = await place.run("evaluate", "run", "--data", "other.csv", ...REFERENCE);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /^error: Cannot tell the validation reviews .*--split all/m);
  const all = await place.run("evaluate", "run", "--data", "other.csv", "--split", "all", ...REFERENCE);
  assert.equal(all.code, 0, all.stderr);
});

Deno.test("a test split that the data has not is an error only when it is asked for", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const { code, stderr } = await place.run("evaluate", "run", "--split", "test", ...REFERENCE);
  assert.equal(code, 3);
  assert.match(stderr, /^error: Cannot read the test split/m);
});

Deno.test("a missing, damaged or foreign checkpoint is refused with code 3", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--epochs", "1");
  const bytes = await Deno.readFile(join(place.folder, "run/best.safetensors"));
  await Deno.writeFile(join(place.folder, "short.safetensors"), bytes.subarray(0, bytes.length / 2));
  await Deno.writeTextFile(join(place.folder, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nfilm\n");
  const cases = [
    ["evaluate", "nowhere"],
    ["evaluate", "."],
    ["evaluate", "reviews.csv"],
    ["evaluate", "short.safetensors", "--data", "reviews.csv"],
    ["evaluate", "run", "--vocabulary", "vocab.txt"],
  ];
  for (const args of cases) {
    const { code, stdout, stderr } = await place.run(...args, ...REFERENCE);
    assert.equal(code, 3, `${args.join(" ")}: ${stderr}`);
    assert.equal(stdout, "");
    assert.equal(stderr.split("\n").filter((line) => line.startsWith("error:")).length, 1, stderr);
  }
});
