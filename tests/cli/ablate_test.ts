import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { Workplace } from "./small_training.ts";

const GRID = `
seeds = [1, 2]
[options]
data = "reviews.csv"
device = "reference"
d-model = 4
num-bins = 3
ffn-dim = 5
max-layers = 2
max-seq-length = 16
batch-size = 8
epochs = 1
warmup-steps = 2
learning-rate = 0.01
log-every = 1
[arms.plain]
[arms.dropped]
dropout = 0.5
[scenarios.swap]
shift = "swap-labels"
shift-at = 3
`;

const RESULTS = ["ablation.csv", "curves.csv", "summary.csv", "loss.svg", "seeds.svg", "weight-norm.svg", "plan.jsonl"];

async function workplace(grid = GRID): Promise<Workplace> {
  const place = await Workplace.make();
  await Deno.writeTextFile(join(place.folder, "grid.toml"), grid);
  return place;
}

async function doneLines(place: Workplace, out: string): Promise<string[]> {
  const done: string[] = [];
  const runs = join(place.folder, out, "runs");
  try {
    for await (const { name } of Deno.readDir(runs)) {
      if (await Deno.stat(join(runs, name, "DONE")).then(() => true, () => false)) done.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return done.toSorted();
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test("ablate trains every arm with every seed and collects them; its runs are those of provoke", async () => {
  await using place = await workplace();
  const { code, stdout, stderr } = await place.run("ablate", "grid.toml", "--out", "whole", "--jobs", "2", "--json");
  assert.equal(code, 0, stderr);
  const { runs, done, summary } = JSON.parse(stdout);
  assert.deepEqual([runs, done], [4, 4]);
  const mean = (arm: string) =>
    summary.find((row: { arm: string; measure: string }) => row.arm === arm && row.measure === "loss_final");
  assert.equal(mean("plain").difference, null);
  assert.equal(mean("dropped").difference.method, "paired");
  const flags = GRID.match(/\[options\]([^[]*)/)?.[1].trim().split("\n").flatMap((line) => {
    const [key, value] = line.split(" = ");
    return [`--${key}`, value.replaceAll('"', "")];
  }) ?? [];
  const shift = ["--shift", "swap-labels", "--shift-at", "3", "--dropout", "0.5", "--seed", "2", "--threads", "1"];
  const alone = await place.run("provoke", ...flags, ...shift, "--out", "alone");
  assert.equal(alone.code, 0, alone.stderr);
  for (const name of ["metrics.csv", "provocation.csv", "last.safetensors"]) {
    const [a, b] = [await place.snapshot("alone"), await place.snapshot("whole/runs/swap.dropped.2")];
    assert.equal(a.get(name), b.get(name), name);
  }
});

Deno.test({
  name: "an ablation that was stopped, and one of whose runs was killed, gives the same bytes as one that was not",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using place = await workplace();
    const run = ["ablate", "grid.toml", "--jobs", "1", "--out"];
    assert.equal((await place.run(...run, "whole")).code, 0);
    assert.equal((await place.run("ablate", "plan", "grid.toml", "--out", "cut")).code, 0);
    // A run that dies half-way, as on a cluster's node that goes down.
    const killed = place.spawn(["ablate", "run", "cut/plan.jsonl", "--line", "1"]);
    const drained = Promise.all([
      killed.stdout.pipeTo(new WritableStream()),
      killed.stderr.pipeTo(new WritableStream()),
    ]);
    const metrics = join(place.folder, "cut", "runs", "swap.plain.1", "metrics.csv");
    await until(() => Deno.stat(metrics).then(({ size }) => size > 200, () => false));
    killed.kill("SIGKILL");
    await drained;
    await killed.status;
    // An orderly stop in the middle of the plan.
    const stopped = place.spawn([...run, "cut"]);
    const talk = new Response(stopped.stderr).text();
    const silent = stopped.stdout.pipeTo(new WritableStream());
    await until(async () => (await doneLines(place, "cut")).length > 0);
    stopped.kill("SIGTERM");
    await silent;
    assert.equal((await stopped.status).code, 75, await talk);
    const done = await doneLines(place, "cut");
    assert.ok(done.length >= 1 && done.length < 4, done.join());
    const finished = await place.run(...run, "cut");
    assert.equal(finished.code, 0, finished.stderr);
    const [a, b] = [await place.snapshot("cut"), await place.snapshot("whole")];
    for (const name of RESULTS) {
      assert.ok(b.has(name), name);
      assert.equal(a.get(name), b.get(name), name);
    }
    for (const name of await doneLines(place, "whole")) {
      const [own, other] = [await place.snapshot(`cut/runs/${name}`), await place.snapshot(`whole/runs/${name}`)];
      for (const file of ["metrics.csv", "provocation.csv", "last.safetensors", "DONE"]) {
        assert.equal(own.get(file), other.get(file), `${name} ${file}`);
      }
    }
  },
});

Deno.test("single lines of a plan do what the whole does, in any order and from any folder; a done line is left alone", async () => {
  await using place = await workplace();
  assert.equal((await place.run("ablate", "plan", "grid.toml", "--out", "out")).stdout, "out/plan.jsonl: 4 runs\n");
  const plan = join(place.folder, "out", "plan.jsonl");
  const early = await place.run("ablate", "collect", "out/plan.jsonl");
  assert.equal(early.code, 3);
  assert.match(early.stderr, /none of its 4 runs is done/);
  await Deno.mkdir(join(place.folder, "elsewhere"));
  for (const line of ["4", "2"]) {
    const child = await place.run("ablate", "run", plan, "--line", line);
    assert.equal(child.code, 0, child.stderr);
  }
  assert.deepEqual(await doneLines(place, "out"), ["swap.dropped.1", "swap.dropped.2"]);
  const before = await place.snapshot("out/runs/swap.dropped.1");
  assert.equal((await place.run("ablate", "run", plan, "--line", "2")).code, 0);
  assert.deepEqual(await place.snapshot("out/runs/swap.dropped.1"), before);
  const collected = await place.run("ablate", "collect", "out/plan.jsonl");
  assert.equal(collected.code, 0, collected.stderr);
  assert.match(collected.stderr, /2 of 4 runs are not done yet/);
  const beyond = await place.run("ablate", "run", plan, "--line", "5");
  assert.equal(beyond.code, 2);
  assert.match(beyond.stderr, /it has 4 lines\. Give --line from 1 to 4\./);
});

Deno.test("bad grids end with one clear line that names the place and the nearest name, before anything is trained", async () => {
  const faults: [string, string, number, RegExp][] = [
    [
      "[arms.plain]",
      "seed = 1\n[arms.plain]",
      2,
      /Cannot use seed in \[options\] of grid\.toml\. Name the seeds in the list seeds\./,
    ],
    ["dropout = 0.5", "droput = 0.5", 2, /arm dropped of grid\.toml: unknown option "droput"\. Did you mean dropout\?/],
    ["dropout = 0.5", "dropout = 1.5", 2, /Cannot use dropout in arm dropped of scenario swap: "1\.5"/],
    ["dropout = 0.5", "dropout = [0.5]", 2, /Cannot use dropout in arm dropped of grid\.toml: a list/],
    ["seeds = [1, 2]", "seed = [1, 2]", 2, /unknown key "seed"\. Write it under \[options\]\./],
    ["seeds = [1, 2]", "sedes = [1, 2]", 2, /unknown key "sedes"\. Did you mean seeds\?/],
    ["seeds = [1, 2]", "seeds = [1, 1]", 2, /1 is named twice/],
    ["seeds = [1, 2]", "seeds = [1, -2]", 2, /Cannot use seeds in grid\.toml: -2/],
    ["seeds = [1, 2]", 'seeds = [1]\nbaseline = "plane"', 2, /there is no arm "plane"\. Did you mean plain\?/],
    ["[arms.dropped]", '[arms."Dropped out"]', 2, /arm "Dropped out"\. Name it by up to 40/],
    ['shift = "swap-labels"', 'shift = "swap"', 2, /Cannot use shift in arm plain of scenario swap: "swap"/],
    ['shift = "swap-labels"', 'arms = ["dropped"]\nshift = "reverse"', 2, /the baseline, plain, is not among them/],
    ['shift = "swap-labels"', "", 2, /says when the distribution shifts, not how/],
    [
      "dropout = 0.5",
      'ars = "memo"\nars-layers = "psi,pih"',
      2,
      /Cannot use ars-layers in .*: "psi,pih"\. Did you mean phi\?/,
    ],
    ["dropout = 0.5", 'ars = "memo"\nars-window = 1', 2, /Cannot use ars-window in .*: "1"\. Give a whole number from/],
    ["[arms.plain]", "[arms.plain", 3, /Cannot read the configuration: grid\.toml, line \d+/],
  ];
  await using place = await workplace();
  for (const [good, bad, wanted, message] of faults) {
    await Deno.writeTextFile(join(place.folder, "grid.toml"), GRID.replace(good, bad));
    const { code, stderr } = await place.run("ablate", "plan", "grid.toml", "--out", "out");
    assert.equal(code, wanted, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
  await assert.rejects(Deno.stat(join(place.folder, "out")));
  const { code, stderr } = await place.run("ablate", "nowhere.toml");
  assert.equal(code, 3);
  assert.match(stderr, /nowhere\.toml: no such file/);
});

Deno.test("a run that fails costs no other, and is told with its own words; another grid's plan is refused", async () => {
  await using place = await workplace(GRID.replace("dropout = 0.5", 'data = "missing.csv"').replace("[1, 2]", "[1]"));
  assert.equal((await place.run("ablate", "plan", "grid.toml", "--out", "out")).code, 0);
  const plan = join(place.folder, "out", "plan.jsonl");
  const failed = await place.run("ablate", "run", plan, "--line", "2");
  assert.equal(failed.code, 3);
  assert.match(failed.stderr, /missing\.csv: no such file or folder/);
  await Deno.writeTextFile(join(place.folder, "missing.csv"), "text,label\ngood,1\nbad,0\n");
  const { code, stderr } = await place.run("ablate", "run", plan, "--progress", "off");
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^error: Cannot finish 1 of 2 runs, the first line 2 of .*plan\.jsonl \(exit code 3\): error: Cannot split/m,
  );
  assert.deepEqual(await doneLines(place, "out"), ["swap.plain.1"]);
  await Deno.writeTextFile(join(place.folder, "grid.toml"), GRID);
  const other = await place.run("ablate", "grid.toml", "--out", "out");
  assert.equal(other.code, 3);
  assert.match(other.stderr, /the plan of another grid is there/);
  await Deno.writeTextFile(join(dirname(plan), "broken.jsonl"), '{"version":1}\n');
  const broken = await place.run("ablate", "run", "out/broken.jsonl");
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /broken\.jsonl, line 1: /);
});
