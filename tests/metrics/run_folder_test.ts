import assert from "node:assert/strict";
import { PausedRun } from "../../src/metrics/paused_run.ts";
import { readRunJson } from "../../src/metrics/run_json.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { copyFolder, createRun, inFolder, madeEvents, START, stateAt } from "./made_run.ts";

const NOW = { codeVersion: "0.1.1", device: "reference" };

async function fill(path: string): Promise<void> {
  await using folder = await createRun(path);
  await Array.fromAsync(recordRun(madeEvents(), folder));
}

async function files(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).toSorted();
}

async function contents(path: string): Promise<Record<string, Uint8Array>> {
  const entries = (await files(path)).map(async (name) => [name, await Deno.readFile(`${path}/${name}`)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

Deno.test("a finished run folder holds exactly the files of the interface", () =>
  inFolder(async (root) => {
    const path = `${root}/deep/run`;
    await fill(path);
    assert.deepEqual(await files(path), [
      "best.safetensors",
      "last.safetensors",
      "metrics.csv",
      "run.json",
      "timing.csv",
    ]);
    const record = await readRunJson(path);
    assert.equal(record.outcome, "finished");
    assert.ok(record.ended !== null && record.started <= record.ended);
    assert.deepEqual({ ...START, seed: 42 }, {
      ...START,
      ...Object.fromEntries(Object.entries(record).filter(([key]) => key in START || key === "seed")),
    });
    const best = await loadCheckpoint(path);
    assert.deepEqual(best.checkpoint.state, { weights: stateAt(6).weights });
    assert.equal(best.checkpoint.vocabularyHash, START.vocabularySha256);
    assert.equal(best.checkpoint.details.seed, "42");
    const last = await loadCheckpoint(path, { prefer: "last" });
    assert.deepEqual(last.checkpoint.state, stateAt(9));
  }));

Deno.test("two runs of the same seed have the same bytes but for what a clock measures", () =>
  inFolder(async (root) => {
    await fill(`${root}/a`);
    await fill(`${root}/b`);
    const [a, b] = [await contents(`${root}/a`), await contents(`${root}/b`)];
    for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) assert.deepEqual(a[name], b[name]);
    assert.notDeepEqual(a["timing.csv"], b["timing.csv"]);
  }));

Deno.test("a run killed after any event resumes to the same bytes as one that was not", () =>
  inFolder(async (root) => {
    await fill(`${root}/whole`);
    const whole = await contents(`${root}/whole`);
    const eventCount = (await Array.fromAsync(madeEvents())).length;
    for (let killed = 0; killed < eventCount; killed++) {
      const copy = `${root}/killed-${killed}`;
      {
        await using folder = await createRun(`${root}/run-${killed}`);
        let recorded = 0;
        const events = recordRun(madeEvents(), folder);
        while (recorded < killed && !(await events.next()).done) recorded++;
        await copyFolder(`${root}/run-${killed}`, copy);
        await events.return();
      }
      // Before the first checkpoint there are no rows, and the run starts anew.
      if (killed > 0) {
        // Half a row and a half-written checkpoint, as a kill in the middle of a write leaves them.
        await Deno.writeTextFile(`${copy}/metrics.csv`, "epsilon-exit,7,,tra", { append: true });
        await Deno.writeTextFile(`${copy}/timing.csv`, "epsi", { append: true });
        await Deno.writeTextFile(`${copy}/.last.safetensors.123-0badcafe.tmp`, "half");
      }
      await using paused = await PausedRun.open(copy);
      assert.equal(paused.resumePoint === undefined, killed === 0);
      await using folder = await paused.resume(NOW);
      await Array.fromAsync(recordRun(madeEvents(paused.resumePoint?.position.step), folder));
      await folder.close();
      const resumed = await contents(copy);
      for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) {
        assert.deepEqual(resumed[name], whole[name], `${name} after a kill at event ${killed}`);
      }
      const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split("\n").length;
      assert.equal(lines(resumed["timing.csv"]), lines(whole["timing.csv"]));
      assert.deepEqual(Object.keys(resumed), Object.keys(whole));
    }
  }));

Deno.test("a kill between the best and the last checkpoint ends with the same best", () =>
  inFolder(async (root) => {
    await fill(`${root}/whole`);
    const whole = await contents(`${root}/whole`);
    const path = `${root}/run`;
    {
      await using folder = await createRun(path);
      let last: Uint8Array | undefined;
      for await (const event of recordRun(madeEvents(), folder)) {
        if (event.kind === "epoch" && event.epoch === 2) last = await Deno.readFile(`${path}/last.safetensors`);
        if (event.kind === "checkpoint" && event.position.epoch === 2) break;
      }
      assert.ok(last);
      await Deno.writeFile(`${path}/last.safetensors`, last);
    }
    await using paused = await PausedRun.open(path);
    assert.equal(paused.resumePoint?.position.step, 5);
    await using folder = await paused.resume(NOW);
    await Array.fromAsync(recordRun(madeEvents(5), folder));
    const resumed = await contents(path);
    for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) {
      assert.deepEqual(resumed[name], whole[name]);
    }
  }));
