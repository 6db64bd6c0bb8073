import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Workplace } from "./small_training.ts";
import { stopAfter } from "./stop_after.ts";

const RESULTS = ["best.safetensors", "last.safetensors", "metrics.csv"];

async function assertSameResults(place: Workplace, found: string, wanted: string): Promise<void> {
  const [a, b] = [await place.snapshot(found), await place.snapshot(wanted)];
  for (const name of RESULTS) assert.equal(a.get(name), b.get(name), name);
}

const LONG = ["--epochs", "12"];

Deno.test("a run interrupted by Ctrl-C exits 130 and resumes to the same bytes as one that was not", async () => {
  await using place = await Workplace.make();
  assert.equal((await place.train("whole", ...LONG)).code, 0);
  const code = await stopAfter(place.spawn(place.trainArguments("cut", ...LONG)), "epoch 2/12", "SIGINT");
  assert.equal(code, 130);
  assert.equal(JSON.parse(await place.read("cut", "run.json")).outcome, "interrupted");
  // Neither device nor data are given again: they are the run's.
  const resumed = await place.run("train", "--resume", "cut");
  assert.equal(resumed.code, 0, resumed.stderr);
  await assertSameResults(place, "cut", "whole");
  assert.equal(JSON.parse(await place.read("cut", "run.json")).outcome, "finished");
});

Deno.test("the same holds on the CPU engine, also when the resumed run has another number of threads", async () => {
  await using place = await Workplace.make();
  const cpu = ["--epochs", "40", "--device", "cpu", "--threads"];
  assert.equal((await place.train("whole", ...cpu, "2")).code, 0);
  const code = await stopAfter(place.spawn(place.trainArguments("cut", ...cpu, "2")), "epoch 1/40", "SIGTERM");
  assert.equal(code, 75);
  const resumed = await place.run("train", "--resume", "cut", "--device", "cpu", "--threads", "1");
  assert.equal(resumed.code, 0, resumed.stderr);
  await assertSameResults(place, "cut", "whole");
});

Deno.test("a run killed without notice resumes from its last checkpoint to the same bytes", async () => {
  await using place = await Workplace.make();
  const flags = [...LONG, "--checkpoint-every", "3"];
  assert.equal((await place.train("whole", ...flags)).code, 0);
  for (const epoch of ["epoch 1/12", "epoch 4/12"]) {
    const out = `cut at ${epoch.replace("/", " of ")}`;
    await stopAfter(place.spawn(place.trainArguments(out, ...flags)), epoch, "SIGKILL");
    const resumed = await place.run("train", "--resume", out, "--device", "reference");
    assert.equal(resumed.code, 0, resumed.stderr);
    await assertSameResults(place, out, "whole");
  }
});

Deno.test("resuming with another configuration is refused, names the keys, and changes nothing", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const before = await place.snapshot("run");
  const { code, stderr } = await place.run(
    "train",
    "--resume",
    "run",
    "--seed",
    "7",
    "--d-model",
    "8",
    "--epochs",
    "2",
  );
  assert.equal(code, 2);
  assert.match(stderr, /seed is 42 in the run, 7 was given/);
  assert.match(stderr, /d-model is 4 in the run, 8 was given/);
  assert.doesNotMatch(stderr, /epochs is/);
  assert.deepEqual(await place.snapshot("run"), before);
});

Deno.test("resuming on other data is refused and changes nothing", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const before = await place.snapshot("run");
  await Deno.writeTextFile(
    join(place.folder, "reviews.csv"),
    (await place.read("reviews.csv")).replaceAll("dull", "dim"),
  );
  const { code, stderr } = await place.run("train", "--resume", "run", "--device", "reference");
  assert.equal(code, 3);
  assert.match(stderr, /^error: Cannot resume run on other data/m);
  assert.deepEqual(await place.snapshot("run"), before);
});

Deno.test("resuming what is no run is refused with code 3, and --out beside --resume with code 2", async () => {
  await using place = await Workplace.make();
  assert.equal((await place.run("train", "--resume", "nowhere")).code, 3);
  assert.equal((await place.run("train", "--resume", ".")).code, 3);
  await place.train("run");
  assert.equal((await place.run("train", "--resume", "run", "--out", "other")).code, 2);
});

Deno.test("resuming a finished run changes no result", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const before = await place.snapshot("run");
  const { code, stdout } = await place.run("train", "--resume", "run", "--device", "reference", "--json");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).outcome, "finished");
  const after = await place.snapshot("run");
  for (const name of RESULTS) assert.equal(after.get(name), before.get(name), name);
});

Deno.test("a damaged last checkpoint is refused with code 3 and left as it is", async () => {
  await using place = await Workplace.make();
  await place.train("run");
  const path = join(place.folder, "run", "last.safetensors");
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1000] ^= 1;
  await Deno.writeFile(path, bytes);
  const before = await place.snapshot("run");
  const { code, stderr } = await place.run("train", "--resume", "run", "--device", "reference");
  assert.equal(code, 3);
  assert.match(stderr, /^error: .*last\.safetensors/m);
  assert.deepEqual(await place.snapshot("run"), before);
});

Deno.test({
  name: "a disk that takes no more ends with code 3, leaves the last checkpoint whole, and the run can go on later",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using place = await Workplace.make();
    await place.train("whole", ...LONG);
    await stopAfter(place.spawn(place.trainArguments("run", ...LONG)), "epoch 1/12", "SIGTERM");
    const before = (await place.snapshot("run")).get("last.safetensors");
    // No file may grow beyond 100 KiB, so that every checkpoint fails as on a full disk.
    const limited = 'trap "" XFSZ; ulimit -f 100; exec "$0" "$@"';
    const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-c", limited, Deno.execPath(), "run", "-A", main, "train", "--resume", "run", "--device", "reference"],
      cwd: place.folder,
      env: { ...place.environment, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const talk = new TextDecoder().decode(stderr);
    assert.equal(code, 3, talk);
    assert.equal(talk.split("\n").filter((line) => line.startsWith("error:")).length, 1, talk);
    assert.equal((await place.snapshot("run")).get("last.safetensors"), before);
    assert.equal((await place.run("train", "--resume", "run", "--device", "reference")).code, 0);
    await assertSameResults(place, "run", "whole");
  },
});
