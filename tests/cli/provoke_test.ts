import assert from "node:assert/strict";
import { join } from "node:path";
import { readProvocation } from "../../src/metrics/provocation_csv.ts";
import { reviewsCsv, Workplace } from "./small_training.ts";

const RESULTS = ["best.safetensors", "last.safetensors", "metrics.csv", "provocation.csv"];

function provoking(place: Workplace, out: string, ...flags: string[]): string[] {
  const [, ...rest] = place.trainArguments(out, ...flags);
  return ["provoke", ...flags.includes("--shift-at") ? [] : ["--shift-at", "5"], ...rest];
}

async function assertSameResults(place: Workplace, found: string, wanted: string): Promise<void> {
  const [a, b] = [await place.snapshot(found), await place.snapshot(wanted)];
  for (const name of RESULTS) {
    assert.ok(b.has(name), name);
    assert.equal(a.get(name), b.get(name), name);
  }
}

Deno.test("provoke trains as train does up to the shift, then on the shifted reviews, and judges both distributions", async () => {
  await using place = await Workplace.make();
  assert.equal((await place.train("plain")).code, 0);
  const { code, stdout, stderr } = await place.run(...provoking(place, "run", "--json"), "--shift", "swap-labels");
  assert.equal(code, 0, stderr);
  const { provocation } = JSON.parse(stdout);
  assert.equal(provocation.shift_step, 5);
  assert.ok(Math.abs(provocation.accuracy_before + provocation.shifted_accuracy_before - 1) < 1e-12);
  assert.ok(Math.abs(provocation.accuracy_final + provocation.shifted_accuracy_final - 1) < 1e-12);
  assert.deepEqual({ ...await readProvocation(join(place.folder, "run")) }, provocation);
  const lossOf = async (run: string, step: number) =>
    (await place.read(run, "metrics.csv")).split("\n").find((row) => row.includes(`,${step},,train,task_loss,`))
      ?.split(",")[5];
  for (let step = 1; step <= 5; step++) assert.equal(await lossOf("run", step), await lossOf("plain", step), `${step}`);
  assert.notEqual(await lossOf("run", 6), await lossOf("plain", 6));
  const record = JSON.parse(await place.read("run", "run.json"));
  assert.deepEqual(record.provocation, { shift: "swap-labels", shiftAt: 5, shiftLength: null, shiftDataSha256: null });
  assert.notEqual(record.run, JSON.parse(await place.read("plain", "run.json")).run);
});

Deno.test("a provoked run that was stopped before or behind its shift resumes to the same bytes", async () => {
  await using place = await Workplace.make();
  const flags = ["--shift", "reverse", "--epochs", "8"];
  assert.equal((await place.run(...provoking(place, "whole", ...flags))).code, 0);
  const stops = [{ every: "2", epochs: 1 }, { every: "5", epochs: 1 }, { every: "3", epochs: 2 }];
  for (const { every, epochs } of stops) {
    const cut = `cut-${every}-${epochs}`;
    const child = place.spawn(provoking(place, cut, ...flags, "--checkpoint-every", every));
    const drained = child.stdout.pipeTo(new WritableStream());
    const decoder = new TextDecoder();
    let said = "";
    for await (const bytes of child.stderr) {
      said += decoder.decode(bytes, { stream: true });
      if (said.includes(`epoch ${epochs}/8:`)) child.kill("SIGKILL");
    }
    await drained;
    await child.status;
    assert.equal(JSON.parse(await place.read(cut, "run.json")).outcome, "running");
    const resumed = await place.run("provoke", "--resume", cut);
    assert.equal(resumed.code, 0, resumed.stderr);
    await assertSameResults(place, cut, "whole");
  }
});

Deno.test("another file is the second domain; its reviews are read again when the run goes on", async () => {
  await using place = await Workplace.make();
  await Deno.writeTextFile(join(place.folder, "other.csv"), reviewsCsv(20).replaceAll("two hours", "paper"));
  const flags = ["--shift", "domain", "--shift-data", "other.csv"];
  const { code, stderr } = await place.run(...provoking(place, "run", ...flags, "--model", "vanilla"));
  assert.equal(code, 0, stderr);
  const before = await place.snapshot("run");
  assert.equal((await place.run("provoke", "--resume", "run")).code, 0);
  const after = await place.snapshot("run");
  for (const name of RESULTS) assert.equal(after.get(name), before.get(name), name);
  await Deno.writeTextFile(join(place.folder, "other.csv"), reviewsCsv(20));
  const refused = await place.run("provoke", "--resume", "run");
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /^error: Cannot resume run with another second domain: SHA-256 .*--shift-data\.$/m);
});

Deno.test("a loss that is no number ends a provoked run with code 1, its measures written", async () => {
  await using place = await Workplace.make();
  const flags = ["--learning-rate", "1000", "--weight-decay", "900", "--epochs", "60", "--clip-grad-norm", "0"];
  const { code, stderr } = await place.run(
    ...provoking(place, "run", ...flags, "--shift", "short", "--shift-length", "6"),
  );
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^error: Training stopped: the .* is not finite after \d+ optimizer steps/m);
  const measures = await readProvocation(join(place.folder, "run"));
  assert.ok((measures.non_finite ?? 0) >= 1);
  assert.equal(measures.diverged_loss, 1);
});

Deno.test("bad shifts end with one clear line and leave no folder behind", async () => {
  await using place = await Workplace.make();
  const faults: [string[], number, RegExp][] = [
    [
      ["--shift", "revers"],
      2,
      /Cannot use --shift: "revers"\. Did you mean reverse\? Give reverse or swap-labels or short or domain\./,
    ],
    [
      ["--shift-at", "14"],
      2,
      /Cannot shift the distribution at step 14: the run has 14 optimizer steps\. Give --shift-at from 1 to 13\./,
    ],
    [["--shift-at", "0"], 2, /Cannot use --shift-at: "0"/],
    [["--shift", "domain"], 2, /no reviews were named\. Name them with --shift-data\./],
    [["--shift", "domain", "--shift-data", "nowhere.csv"], 3, /Cannot read nowhere\.csv: no such file or folder/],
    [["--shift", "reverse", "--shift-data", "reviews.csv"], 2, /Cannot use --shift-data with --shift reverse/],
    [["--shift", "reverse", "--shift-length", "4"], 2, /Cannot use --shift-length with --shift reverse/],
    [["--shift", "short", "--shift-length", "24"], 2, /Cannot shift to reviews of 24 tokens/],
  ];
  for (const [flags, wanted, message] of faults) {
    const { code, stderr } = await place.run(...provoking(place, "run", ...flags));
    assert.equal(code, wanted, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.split("\n").filter((line) => line.startsWith("error:")).length, 1, stderr);
    await assert.rejects(Deno.stat(join(place.folder, "run")));
  }
});

Deno.test("train and provoke go on with their own runs only, and with the shift they were started with", async () => {
  await using place = await Workplace.make();
  assert.equal((await place.train("plain")).code, 0);
  assert.equal((await place.run(...provoking(place, "run"))).code, 0);
  const refused = async (...args: string[]) => {
    const { code, stderr } = await place.run(...args);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await refused("train", "--resume", "run"), /Go on with it by epsilon provoke --resume run\./);
  assert.match(await refused("provoke", "--resume", "plain"), /Go on with it by epsilon train --resume plain\./);
  assert.match(await refused("provoke", "--resume", "run", "--shift-at", "6"), /shift-at is 5 in the run, 6 was given/);
});
