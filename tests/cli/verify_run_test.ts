import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { Workplace } from "./small_training.ts";
import { stopAfter } from "./stop_after.ts";

/** Lines of standard output as name and value. */
function table(stdout: string): Map<string, string> {
  return new Map(stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}(.*)/, 2) as [string, string]));
}

Deno.test("a finished run with instruments repeats to the byte, but for what diagnose has rewritten", async () => {
  await using place = await Workplace.make();
  await place.train("run", "--instruments", "halting,bins,calibration,exits", "--patience", "1", "--epochs", "4");
  assert.equal(JSON.parse(await place.read("run", "run.json")).outcome, "stopped-early");
  const before = await place.snapshot("run");
  const { code, stdout, stderr } = await place.run("verify", "run");
  assert.equal(code, 0, stderr);
  const lines = table(stdout);
  assert.equal(lines.get("compared by"), "bytes");
  assert.equal(lines.get("result"), "the run repeats");
  assert.match(lines.get("last.safetensors") ?? "", /all tensors the same/);
  assert.match(lines.get("best.safetensors") ?? "", /all tensors the same/);
  const rows = (text: string) => text.trimEnd().split("\n").length - 1;
  for (const file of ["metrics.csv", "halting.csv", "bins.csv", "calibration.csv", "reliability.csv", "exits.csv"]) {
    assert.equal(lines.get(file), `${rows(await place.read("run", file))} rows the same`, file);
  }
  assert.deepEqual(await place.snapshot("run"), before);
  const record = JSON.parse(await place.read("run", "run.json"));
  assert.equal(record.arithmetic, "float64");
  assert.match(record.platform, /^Deno .*, V8 .*, /);

  assert.equal((await place.run("diagnose", "run", "--device", "reference", "--instruments", "bins")).code, 0);
  const again = await place.run("verify", "run");
  assert.equal(again.code, 0, again.stderr);
  const rest = table(again.stdout);
  assert.match(rest.get("note") ?? "", /diagnose has rewritten/);
  assert.equal(rest.get("exits.csv"), lines.get("exits.csv"));
  assert.notEqual(rest.get("bins.csv"), lines.get("bins.csv"));
});

Deno.test("interrupted, killed and resumed runs repeat as far as they came", async () => {
  await using place = await Workplace.make();
  const flags = ["--epochs", "12", "--checkpoint-every", "3", "--instruments", "bins"];
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    await stopAfter(place.spawn(place.trainArguments("run", ...flags)), "epoch 2/12", signal);
    const stopped = await place.run("verify", "run", "--json");
    assert.equal(stopped.code, 0, stopped.stderr);
    const { pass, comparison, steps, run_steps, checkpoints, notes } = JSON.parse(stopped.stdout);
    assert.deepEqual([pass, comparison, steps], [true, "bytes", run_steps]);
    assert.match(notes.join(), signal === "SIGINT" ? /the run is interrupted/ : /under way, or was killed/);
    if (signal === "SIGINT") assert.equal(checkpoints["last.safetensors"], steps);
    assert.equal((await place.run("train", "--resume", "run")).code, 0);
    const resumed = JSON.parse((await place.run("verify", "run", "--json")).stdout);
    assert.deepEqual([resumed.pass, resumed.comparison, resumed.steps], [true, "bytes", 12 * 7]);
    assert.equal(JSON.parse(await place.read("run", "run.json")).resumed[0].instruments, "bins");
    await Deno.remove(join(place.folder, "run"), { recursive: true });
  }
});

Deno.test("repeat-k and the vanilla model repeat to the byte on the CPU engine, and its first steps do too", async () => {
  await using place = await Workplace.make();
  await place.train("repeat", "--device", "cpu", "--halting", "repeat-k", "--repeat", "2");
  await place.train("vanilla", "--device", "cpu", "--model", "vanilla", "--numerics", "strict");
  const repeat = await place.run("verify", "repeat", "--threads", "1");
  assert.equal(repeat.code, 0, repeat.stderr);
  assert.equal(table(repeat.stdout).get("compared by"), "bytes");
  assert.equal(JSON.parse(await place.read("vanilla", "run.json")).arithmetic, "float32 rounded");
  const { code, stdout } = await place.run("verify", "vanilla", "--steps", "3", "--json");
  const { comparison, steps, run_steps, rows, checkpoints } = JSON.parse(stdout);
  assert.deepEqual([code, comparison, steps, run_steps, checkpoints], [0, "bytes", 3, 14, {}]);
  // Of a step row's metrics the vanilla model has loss, task loss, learning rate, norm and accuracy.
  assert.deepEqual(rows, { "metrics.csv": 3 * 5 });
});

Deno.test("another arithmetic, a changed row or tensor, data that are gone or others: each is told and named", async (t) => {
  await using place = await Workplace.make();
  await place.train("run");
  await t.step("another arithmetic is compared within a tolerance", () => anotherArithmetic(place));
  await t.step("a changed row or tensor is a mismatch, exit code 5, and the first one is named", () => changed(place));
  await t.step("data may lie anywhere; where they are gone or others, it is said how to give them", () => gone(place));
});

async function anotherArithmetic(place: Workplace): Promise<void> {
  const { code, stdout, stderr } = await place.run("verify", "run", "--device", "cpu");
  assert.equal(code, 0, stderr);
  const lines = table(stdout);
  assert.equal(lines.get("compared by"), "within 0.001");
  assert.match(lines.get("note") ?? "", /computed in float64, this is float32/);
  const [, error] = /^(\S+) \(.+\)$/.exec(lines.get("largest error") ?? "") ?? [];
  assert.ok(Number(error) > 0 && Number(error) <= 1e-3, error);
  const narrow = await place.run("verify", "run", "--device", "cpu", "--tolerance", "1e-12");
  assert.equal(narrow.code, 5);
  assert.match(narrow.stderr, /^error: Cannot repeat .*--tolerance\.$/m);
}

async function changed(place: Workplace): Promise<void> {
  const metrics = await place.read("run", "metrics.csv");
  const lines = metrics.split("\n");
  lines[20] = `${lines[20]}1`;
  await Deno.writeTextFile(join(place.folder, "run", "metrics.csv"), lines.join("\n"));
  const row = await place.run("verify", "run");
  assert.equal(row.code, 5);
  assert.match(table(row.stdout).get("result") ?? "", /^differs in metrics\.csv, line 21 \(step 2 train /);
  assert.match(row.stderr, /^error: Cannot repeat \S+: metrics\.csv, line 21 .*: the run has .*, repeated it is /m);
  assert.equal(row.stderr.split("\n").filter((line) => line.startsWith("error:")).length, 1);
  await Deno.writeTextFile(join(place.folder, "run", "metrics.csv"), `${metrics}${lines[1]}\n`);
  assert.match((await place.run("verify", "run")).stderr, /metrics\.csv, line \d+: .*, repeated it is nothing/);

  await Deno.writeTextFile(join(place.folder, "run", "metrics.csv"), metrics);
  const { checkpoint, path } = await loadCheckpoint(join(place.folder, "run"), { prefer: "last" });
  const before = await Deno.readFile(path);
  const { parameters } = checkpoint.state.weights;
  parameters[parameters.length - 1] += 1e-9;
  await Deno.writeFile(path, await encodeCheckpoint(checkpoint));
  const tensor = await place.run("verify", "run", "--json");
  assert.equal(tensor.code, 5);
  const { pass, difference } = JSON.parse(tensor.stdout);
  assert.equal(pass, false);
  assert.equal(difference.file, "last.safetensors");
  assert.match(difference.place, /^classification_head\.bias, element 1 of 2$/);
  await Deno.writeFile(path, before);
}

async function gone(place: Workplace): Promise<void> {
  await Deno.rename(join(place.folder, "reviews.csv"), join(place.folder, "moved.csv"));
  const gone = await place.run("verify", "run");
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /^error: .*reviews\.csv.*\. Give the run's data with --data/m);
  assert.equal((await place.run("verify", "run", "--data", "moved.csv")).code, 0);
  const text = await place.read("moved.csv");
  await Deno.writeTextFile(join(place.folder, "reviews.csv"), text.replace("dull", "dim"));
  const other = await place.run("verify", "run");
  assert.equal(other.code, 3);
  assert.match(
    other.stderr,
    /^error: Cannot repeat run on other data: SHA-256 \w+, trained on \w+\. Give .* --data\.$/m,
  );
}

Deno.test("what is no run, and options that bear on something else, are refused", async () => {
  await using place = await Workplace.make();
  assert.equal((await place.run("verify", "nowhere")).code, 3);
  const goldens = await place.run("verify", "run", "--goldens", "x");
  assert.equal(goldens.code, 2);
  assert.match(goldens.stderr, /--goldens with a run/);
  assert.equal((await place.run("verify", "--steps", "3")).code, 2);
  const strict = await place.run("train", "--device", "gpu", "--numerics", "strict");
  assert.equal(strict.code, 2);
  assert.match(strict.stderr, /Cannot compute on a GPU with strict numerics/);
});
