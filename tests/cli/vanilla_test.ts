import assert from "node:assert/strict";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { runProgram } from "./run_program.ts";
import { Workplace } from "./small_training.ts";

const ABSENT = ["kl_loss", "entropy_loss", "kl_scale", "halting_depth_mean", "halting_steps_mean"];

async function trained(place: Workplace, ...flags: string[]) {
  const finished = await place.train("run", "--model", "vanilla", ...flags);
  assert.equal(finished.code, 0, finished.stderr);
  return { ...finished, record: JSON.parse(await place.read("run", "run.json")) };
}

Deno.test("train --model vanilla has the baseline's recipe: no clipping, no warm-up, a cosine to zero", async () => {
  await using place = await Workplace.make();
  const finished = await place.run(
    ...["train", "--model", "vanilla", "--data", "reviews.csv", "--out", "run", "--device", "reference"],
    ...["--d-model", "4", "--ffn-dim", "5", "--max-layers", "2", "--max-seq-length", "16"],
    ...["--epochs", "1", "--log-every", "1", "--limit-batches", "2", "--num-bins", "5"],
  );
  assert.equal(finished.code, 0, finished.stderr);
  assert.match(finished.stderr, /warning: The vanilla model ignores --num-bins\./);
  assert.doesNotMatch(finished.stderr, /depth|NaN/);
  const { recipe, configuration, model, run } = JSON.parse(await place.read("run", "run.json"));
  assert.deepEqual([recipe.clipGradNorm, recipe.warmupSteps, model.model], [0, 0, "vanilla"]);
  assert.deepEqual(configuration["warmup-steps"], { value: 0, origin: "default" });
  assert.ok(!("num-bins" in configuration) && !("numBins" in model) && !("halting" in model));
  assert.match(run, /^vanilla-seed42-/);
  const metrics = (await place.read("run", "metrics.csv")).trimEnd().split("\n").map((row) => row.split(","));
  const rates = metrics.filter(([, , epoch, , metric]) => epoch === "" && metric === "learning_rate").map((row) =>
    row[5]
  );
  assert.deepEqual(rates.map(Number), [3e-4, 1.5e-4]);
});

Deno.test("a vanilla run's metrics name nothing of halting, and its loss is the task's", async () => {
  await using place = await Workplace.make();
  const { stdout } = await trained(place, "--json");
  const rows = (await place.read("run", "metrics.csv")).trimEnd().split("\n").slice(1).map((row) => row.split(","));
  const names = new Set(rows.map((row) => row[4]));
  for (const metric of ABSENT) assert.ok(!names.has(metric), metric);
  for (const metric of ["loss", "task_loss", "learning_rate", "grad_norm", "accuracy", "ece"]) {
    assert.ok(names.has(metric));
  }
  const values = (metric: string) => rows.filter((row) => row[4] === metric).map((row) => row[5]);
  assert.deepEqual(values("loss"), values("task_loss"));
  assert.ok(rows.every((row) => row[5] !== ""));
  assert.equal(JSON.parse(stdout).validation.halting_depth_mean, null);
});

Deno.test("evaluate, classify and export work on a vanilla run; the model comes from its checkpoint", async () => {
  await using place = await Workplace.make();
  await trained(place);
  const device = ["--device", "reference"];
  const evaluated = await place.run("evaluate", "run", "--json", ...device);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const result = JSON.parse(evaluated.stdout);
  assert.ok(result.accuracy >= 0 && result.loss === result.task_loss);
  for (const metric of ABSENT) assert.ok(!(metric in result), metric);
  const table = await place.run("evaluate", "run", ...device);
  assert.doesNotMatch(table.stdout, /KL|halting/);
  const classified = await place.run("classify", "--checkpoint", "run", ...device, "a moving film");
  assert.equal(classified.code, 0, classified.stderr);
  // Every token takes all three blocks.
  assert.match(classified.stdout, /^text,label,confidence,steps\na moving film,\w+,[\d.]+,3\n$/);
  const exported = await place.run("export", "run");
  assert.equal(exported.code, 0, exported.stderr);
  assert.match(exported.stdout, /,validation,accuracy,/);
});

Deno.test("a vanilla run resumes to the same bytes, and refuses to become another model", async () => {
  await using place = await Workplace.make();
  await trained(place);
  const short = await place.train("other", "--model", "vanilla", "--patience", "0");
  assert.equal(short.code, 0);
  assert.equal(await place.read("other", "metrics.csv"), await place.read("run", "metrics.csv"));
  const resumed = await place.run("train", "--resume", "run", "--data", "reviews.csv", "--num-bins", "7");
  assert.equal(resumed.code, 0, resumed.stderr);
  const refused = await place.run("train", "--resume", "run", "--data", "reviews.csv", "--model", "epsilon");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /model is vanilla in the run, epsilon was given/);
});

Deno.test({
  name: "train, evaluate and classify a vanilla model on the GPU; the CPU judges it the same",
  ignore: !TEST_GPU,
  fn: async () => {
    await using place = await Workplace.make();
    const device = ["--device", "gpu"];
    await trained(place, ...device);
    const evaluated = await place.run("evaluate", "run", "--json", ...device);
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const { accuracy, loss } = JSON.parse(evaluated.stdout);
    const again = JSON.parse((await place.run("evaluate", "run", "--json", "--device", "cpu")).stdout);
    assert.equal(accuracy, again.accuracy);
    assert.ok(Math.abs(loss - again.loss) < 1e-4 * loss, `${loss} and ${again.loss}`);
    const classified = await place.run("classify", "--checkpoint", "run", ...device, "a moving film");
    assert.equal(classified.code, 0, classified.stderr);
    assert.match(classified.stdout, /^text,label,confidence,steps\na moving film,\w+,[\d.]+,3\n$/);
  },
});

Deno.test("verify computes the vanilla golden values", async () => {
  const { code, stdout } = await runProgram(["verify", "--device", "reference", "--json"]);
  assert.equal(code, 0);
  const { values } = JSON.parse(stdout);
  const vanilla = values.filter(({ file }: { file: string }) => file === "vanilla-odd.json");
  assert.ok(vanilla.some(({ quantity }: { quantity: string }) => quantity === "gradient blocks.2.attn.in_proj_weight"));
});
