import assert from "node:assert/strict";
import { join } from "node:path";
import { Workplace } from "./small_training.ts";

/** A reproduction of a few seconds. */
const SHORT = ["--data", "reviews.csv", "--epochs", "2", "--limit-batches", "1", "--threads", "1"];

/** What depends on seeds and reviews only. */
const DETERMINISTIC = ["results.csv", "summary.csv", "depth.svg", "depth.vl.json", "accuracy.svg", "cross-entropy.svg"];

async function assertSameResults(place: Workplace, found: string, wanted: string): Promise<void> {
  const [a, b] = [await place.snapshot(found), await place.snapshot(wanted)];
  for (const name of DETERMINISTIC) {
    assert.ok(b.has(name), name);
    assert.equal(a.get(name), b.get(name), name);
  }
}

Deno.test("reproduce trains its plan, writes tables, figures and page, and takes the runs the next time", async () => {
  await using place = await Workplace.make();
  const models = ["--seeds", "1,2", "--models", "vanilla,exit,repeat", "--vanilla-seeds", "2"];
  const args = ["reproduce", ...SHORT, ...models, "--out", "r"];
  const { code, stdout, stderr } = await place.run(...args, "--json");
  assert.equal(code, 0, stderr);
  const output = JSON.parse(stdout);
  const variants = [...new Set(output.results.map((row: { variant: string }) => row.variant))];
  const summaryOf = (variant: string, metric: string) =>
    output.summary.find((row: { variant: string; metric: string }) => row.variant === variant && row.metric === metric);
  assert.deepEqual(variants, ["exit", `repeat-${Math.round(summaryOf("exit", "best_steps").mean)}`, "vanilla"]);
  assert.equal(summaryOf("exit", "best_accuracy").runs, 2);
  assert.deepEqual([summaryOf("vanilla", "best_accuracy")].map((row) => [row.runs, row.standardDeviation]), [[
    1,
    null,
  ]]);
  assert.deepEqual(output.deviations.slice(0, 2), ["2 epochs instead of 25", "1 training batch an epoch"]);
  const page = await place.read("r", "README.md");
  assert.match(page, /This is not the paper's run/);
  assert.match(page, /--data reviews\.csv/);
  assert.match(page, /--vanilla-seeds 2/);
  assert.match(page, /^\| Seeds \| 1, 2 \| 1, 2 \| 2 \| one run \| one run \|$/m);
  assert.equal(page.includes(place.folder), false);
  const timing = await place.read("r", "timing.csv");
  assert.match(timing, /^exit,1,.*,seconds_per_epoch,[0-9.e-]+\n.*,seconds_per_epoch_best,[0-9.e-]+$/m);
  assert.match(timing, /^vanilla,2,.*,speed_against_vanilla,1$/m);

  const before = await place.snapshot("r");
  const runs = await place.snapshot("r/runs/exit-1");
  const again = await place.run(...args);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(again.stderr.match(/: taking r/g)?.length, 5);
  assert.doesNotMatch(again.stderr, /epoch 1\/2/);
  assert.match(again.stdout, /^exit +2 +\d+\.\d\d/m);
  const after = await place.snapshot("r");
  for (const name of DETERMINISTIC) assert.equal(after.get(name), before.get(name), name);
  assert.deepEqual(await place.snapshot("r/runs/exit-1"), runs);
});

Deno.test("killed without notice and started again, a reproduction comes to the same bytes", async () => {
  await using place = await Workplace.make();
  const args = ["reproduce", ...SHORT, "--seeds", "1,2", "--models", "exit,repeat"];
  assert.equal((await place.run(...args, "--out", "whole")).code, 0);
  for (
    const text of ["exit, seed 1: training", "epoch 1/2", "exit, seed 2: training", "seed 2: training cut/runs/repeat"]
  ) {
    const child = place.spawn([...args, "--out", "cut"]);
    let said = "";
    const drained = child.stdout.pipeTo(new WritableStream());
    for await (const bytes of child.stderr) {
      said += new TextDecoder().decode(bytes);
      if (said.includes(text)) child.kill("SIGKILL");
    }
    await drained;
    assert.equal((await child.status).signal, "SIGKILL", said);
  }
  const resumed = await place.run(...args, "--out", "cut");
  assert.equal(resumed.code, 0, resumed.stderr);
  await assertSameResults(place, "cut", "whole");
});

Deno.test("Ctrl-C stops a reproduction with code 130, and the same command goes on", async () => {
  await using place = await Workplace.make();
  const args = ["reproduce", ...SHORT, "--epochs", "40", "--seeds", "1", "--models", "exit", "--out", "r"];
  const given = args.filter((_, i) =>
    !(args[i] === "--epochs" && args[i + 1] === "2") && !(args[i - 1] === "--epochs" && args[i] === "2")
  );
  const child = place.spawn(given);
  let said = "";
  const drained = child.stdout.pipeTo(new WritableStream());
  for await (const bytes of child.stderr) {
    const before = said;
    said += new TextDecoder().decode(bytes);
    if (said.includes("epoch 1/40") && !before.includes("epoch 1/40")) child.kill("SIGINT");
  }
  await drained;
  assert.equal((await child.status).code, 130, said);
  assert.match(said, /the same command goes on/);
  const resumed = await place.run(...given);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /going on with r.runs.exit-1/);
});

Deno.test("a run that epsilon train has put in its place is taken; one of another configuration is refused", async () => {
  await using place = await Workplace.make();
  const out = (seed: number) => ["--out", `r/runs/exit-${seed}`, "--seed", String(seed)];
  const trained = await place.run("train", ...SHORT, ...out(1), "--log-every", "1", "--patience", "9");
  assert.equal(trained.code, 0, trained.stderr);
  const before = await place.snapshot("r/runs/exit-1");
  const args = ["reproduce", ...SHORT, "--models", "exit", "--out", "r"];
  const taken = await place.run(...args, "--seeds", "1");
  assert.equal(taken.code, 0, taken.stderr);
  assert.match(taken.stderr, /seed 1: taking/);
  assert.deepEqual(await place.snapshot("r/runs/exit-1"), before);

  await place.run("train", ...SHORT, ...out(2), "--d-model", "4", "--learning-rate", "0.1");
  const foreign = await place.snapshot("r/runs/exit-2");
  const refused = await place.run(...args, "--seeds", "3,2");
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /d-model is 4 there, 12 in the plan; learning-rate is 0\.1 there, 0\.0003 in the plan/);
  assert.deepEqual(await place.snapshot("r/runs/exit-2"), foreign);
  // It was found before any training began.
  assert.doesNotMatch(refused.stderr, /training/);
});

Deno.test("with a test split, the best checkpoints are judged on it", async () => {
  await using place = await Workplace.make();
  for (const split of ["train", "test"]) {
    for (const [label, word] of [["pos", "moving"], ["neg", "dull"]]) {
      const folder = join(place.folder, "films", split, label);
      await Deno.mkdir(folder, { recursive: true });
      for (let i = 0; i < 20; i++) {
        await Deno.writeTextFile(join(folder, `${i}_9.txt`), `a ${word} film, ${split} ${i}`);
      }
    }
  }
  const args = ["reproduce", ...SHORT.slice(2), "--data", "films", "--test-data", "films", "--models", "exit"];
  const { code, stdout, stderr } = await place.run(...args, "--seeds", "1", "--json");
  assert.equal(code, 0, stderr);
  const found = new Map(
    JSON.parse(stdout).results.map((row: { metric: string; value: number }) => [row.metric, row.value]),
  );
  assert.equal(found.get("test_reviews"), 40);
  const p = Number(found.get("test_accuracy"));
  assert.equal(found.get("test_accuracy_standard_error"), Math.sqrt(p * (1 - p) / 40));
  const judged = await place.run(
    "evaluate",
    "reproduction/runs/exit-1",
    "--data",
    "films",
    "--split",
    "test",
    "--json",
  );
  assert.equal(JSON.parse(judged.stdout).accuracy, p);
});

Deno.test("wrong seeds, models, folders and reviews are refused before any training", async () => {
  await using place = await Workplace.make();
  const cases: readonly (readonly [number, RegExp, string[]])[] = [
    [2, /"x" is no seed/, ["--seeds", "1,x"]],
    [2, /"-1" is no seed/, ["--seeds", "-1"]],
    [2, /"" is no seed/, ["--seeds", "1,,2"]],
    [2, /1 is named twice/, ["--seeds", "1,2,1"]],
    [2, /101 seeds/, ["--seeds", Array.from({ length: 101 }, (_, i) => i).join()]],
    [2, /--vanilla-seeds 1,x: "x" is no seed/, ["--vanilla-seeds", "1,x"]],
    [2, /--vanilla-seeds 7,7: 7 is named twice/, ["--vanilla-seeds", "7,7"]],
    [2, /vanilla is not among --models/, ["--vanilla-seeds", "1", "--models", "exit,soft"]],
    [2, /"exot" is no model/, ["--models", "exot"]],
    [2, /repeat takes its k from exit/, ["--models", "repeat,soft"]],
    [2, /exit is named twice/, ["--models", "exit,exit"]],
    [3, /reviews\.csv/, ["--out", "reviews.csv"]],
    [3, /no splits/, ["--test-data", "reviews.csv"]],
    [3, /Cannot read/, ["--data", "nowhere"]],
  ];
  for (const [wanted, pattern, args] of cases) {
    const given = new Set(args);
    const rest = SHORT.flatMap((flag, i) => i % 2 === 0 && !given.has(flag) ? [flag, SHORT[i + 1]] : []);
    const { code, stdout, stderr } = await place.run("reproduce", ...rest, ...args);
    assert.equal(code, wanted, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, pattern);
    assert.equal(stdout, "");
    assert.doesNotMatch(stderr, /training/);
  }
});
