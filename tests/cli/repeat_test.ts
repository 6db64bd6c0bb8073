import assert from "node:assert/strict";
import { Workplace } from "./small_training.ts";

Deno.test("a repeat-k run trains at its depth, resumes exactly, and its checkpoint knows k", async () => {
  await using place = await Workplace.make();
  const flags = ["--halting", "repeat-k", "--repeat", "2"];
  const trained = await place.train("run", ...flags, "--json");
  assert.equal(trained.code, 0, trained.stderr);
  const record = JSON.parse(await place.read("run", "run.json"));
  assert.equal(record.model.repeat, 2);
  assert.deepEqual(record.configuration.repeat, { value: 2, origin: "flag" });
  assert.match(record.run, /^epsilon-repeat-2-seed42-/);
  const rows = (await place.read("run", "metrics.csv")).trim().split("\n");
  const values = (metric: string) =>
    rows.filter((row) => row.includes(`,${metric},`)).map((row) => row.split(",").at(-1));
  assert.deepEqual([...new Set(values("halting_depth_mean"))], ["1"]);
  assert.deepEqual([...new Set(values("halting_steps_mean"))], ["2"]);
  assert.deepEqual([...new Set(values("kl_loss"))], ["0"]);

  const judged = await place.run("evaluate", "run", "--device", "reference", "--json");
  assert.equal(JSON.parse(judged.stdout).halting_steps_mean, 2);
  const labelled = await place.run("classify", "--checkpoint", "run", "--json", "a moving film");
  assert.equal(JSON.parse(labelled.stdout).steps, 2, labelled.stdout + labelled.stderr);

  const resumed = await place.run("train", "--resume", "run", "--repeat", "3");
  assert.equal(resumed.code, 2);
  assert.match(resumed.stderr, /repeat is 2 in the run, 3 was given/);
});

Deno.test("--repeat without repeat-k, and a repeat beyond max-layers, are refused before any work", async () => {
  await using place = await Workplace.make();
  const alone = await place.train("run", "--repeat", "2");
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /Cannot repeat the block 2 times: the halting mode is exit/);
  const deep = await place.train("run", "--halting", "repeat-k", "--repeat", "4");
  assert.equal(deep.code, 2);
  assert.match(deep.stderr, /repeat 4, maxLayers 3/);
  await assert.rejects(place.read("run", "run.json"), Deno.errors.NotFound);
});

Deno.test("a run without repeat-k records no repeat, and going on with one is refused", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const record = JSON.parse(await place.read("run", "run.json"));
  assert.equal("repeat" in record.model, false);
  assert.equal("repeat" in record.configuration, false);
  const resumed = await place.run("train", "--resume", "run", "--halting", "repeat-k");
  assert.equal(resumed.code, 2);
  assert.match(resumed.stderr, /halting is exit in the run, repeat-k was given/);
});
