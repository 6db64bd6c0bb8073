import assert from "node:assert/strict";
import { DataError, UsageError } from "../../src/errors.ts";
import { nameRun } from "../../src/metrics/run_name.ts";
import { PausedRun } from "../../src/metrics/paused_run.ts";
import { readRunJson, writeRunJson } from "../../src/metrics/run_json.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { createRun, inFolder, madeEvents, START, stateAt } from "./made_run.ts";

const NOW = { codeVersion: "0.1.1", device: "reference" };

function rejectsWith(work: Promise<unknown>, ...places: RegExp[]): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof DataError, String(error));
    for (const place of places) assert.match(`${error.message} ${error.hint}`, place);
    return true;
  });
}

async function fill(path: string): Promise<void> {
  await using folder = await createRun(path);
  await Array.fromAsync(recordRun(madeEvents(), folder));
}

async function snapshot(path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(path)) {
    found.set(name, new Uint8Array(await Deno.readFile(`${path}/${name}`)).toHex());
  }
  return new Map([...found].toSorted());
}

Deno.test("a folder that holds a run is refused and left as it was", () =>
  inFolder(async (root) => {
    await fill(`${root}/run`);
    const before = await snapshot(`${root}/run`);
    await rejectsWith(createRun(`${root}/run`), /holds a run already/, /--resume/, /another --out/);
    assert.deepEqual(await snapshot(`${root}/run`), before);
  }));

Deno.test("a folder with foreign files is refused and left as it was", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/thesis.tex`, "x");
    const before = await snapshot(root);
    await rejectsWith(createRun(root), /not empty, it holds thesis\.tex/, /another --out/);
    assert.deepEqual(await snapshot(root), before);
  }));

Deno.test("a file in the run folder's place is refused", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/run`, "x");
    await rejectsWith(createRun(`${root}/run`), /run/);
    await rejectsWith(createRun(`${root}/run/below`), /run\/below/);
    assert.equal(await Deno.readTextFile(`${root}/run`), "x");
  }));

Deno.test("a folder whose starter was killed while it wrote run.json becomes a run, and loses what was left", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/.run.json.4711-0a1b2c3d.tmp`, "{");
    await using folder = await createRun(root);
    assert.equal(folder.record.outcome, "running");
    assert.equal((await snapshot(root)).has(".run.json.4711-0a1b2c3d.tmp"), false);
  }));

Deno.test("an empty folder becomes a run, also one whose starter was killed right after its lock", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/run.lock`, "999999\n");
    await fill(root);
    assert.equal((await readRunJson(root)).outcome, "finished");
  }));

Deno.test("a name that would break the rows is refused", () =>
  inFolder(async (root) => {
    for (const run of ["", "two\nlines", "=cmd", "a,b", "-x", "x".repeat(201)]) {
      await assert.rejects(createRun(`${root}/run`, { run }), UsageError);
    }
    await assert.rejects(Deno.stat(`${root}/run`), Deno.errors.NotFound);
  }));

Deno.test("a second writer is refused with the first one's process, and let in after it", () =>
  inFolder(async (root) => {
    const first = await createRun(root);
    await first.saveCheckpoint({ position: (await firstCheckpoint()).position, state: stateAt(0), best: false });
    await rejectsWith(PausedRun.open(root), new RegExp(`process ${Deno.pid} is writing`));
    await first.close();
    const second = await PausedRun.open(root);
    await rejectsWith(PausedRun.open(root), /is writing/);
    const folder = await second.resume(NOW);
    await second.close();
    await rejectsWith(PausedRun.open(root), /is writing/);
    await folder.close();
    await (await PausedRun.open(root)).close();
  }));

async function firstCheckpoint(): Promise<Extract<TrainEvent, { kind: "checkpoint" }>> {
  for await (const event of madeEvents()) {
    if (event.kind === "checkpoint") return event;
  }
  throw new Error("no checkpoint");
}

/** Fills a run, lets `damage` change its folder, and expects opening to fail without changing anything more. */
function refused(what: string, damage: (path: string) => Promise<void>, ...places: RegExp[]): void {
  Deno.test(`resuming a run with ${what} is refused and its files stay`, () =>
    inFolder(async (root) => {
      const path = `${root}/run`;
      await fill(path);
      await damage(path);
      const before = await snapshot(path);
      await rejectsWith(PausedRun.open(path), ...places);
      assert.deepEqual(await snapshot(path), before);
    }));
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}

refused("no run.json", (path) => Deno.remove(`${path}/run.json`), /no run\.json/);
refused("half a run.json", (path) => Deno.truncate(`${path}/run.json`, 100), /run\.json/);
refused("a binary run.json", (path) => Deno.writeFile(`${path}/run.json`, new Uint8Array([0, 255])), /run\.json/);
refused(
  "a wrong type in run.json",
  (path) => edit(`${path}/run.json`, (text) => text.replace('"parameterCount": ', '"parameterCount": -')),
  /run\.json: parameterCount/,
);
refused(
  "an unknown key in run.json",
  (path) => edit(`${path}/run.json`, (text) => text.replace("{", '{"colour": 1,')),
  /colour/,
);
refused(
  "an impossible recipe",
  (path) => edit(`${path}/run.json`, (text) => text.replace('"batchSize": 32', '"batchSize": 0')),
  /batchSize: 0/,
);
refused(
  "another model in run.json than in its checkpoint",
  (path) => edit(`${path}/run.json`, (text) => text.replace('"numBins": 3', '"numBins": 4')),
  /numBins/,
);
refused("no last checkpoint", (path) => Deno.remove(`${path}/last.safetensors`), /last\.safetensors is missing/);
refused("half a last checkpoint", (path) => Deno.truncate(`${path}/last.safetensors`, 5000), /last\.safetensors/);
refused(
  "the best checkpoint in the last one's place",
  (path) => Deno.copyFile(`${path}/best.safetensors`, `${path}/last.safetensors`),
  /no optimizer state/,
);
refused("no timing.csv", (path) => Deno.remove(`${path}/timing.csv`), /timing\.csv: no such file/);
refused(
  "fewer rows than its checkpoint counted",
  (path) => edit(`${path}/metrics.csv`, (text) => text.slice(0, text.trimEnd().lastIndexOf("\n") + 1)),
  /metrics\.csv: found 23 whole rows, the checkpoint was saved after 24/,
);
refused(
  "another header",
  (path) => edit(`${path}/metrics.csv`, (text) => text.replace("value", "worth")),
  /metrics\.csv: found another header/,
);
refused(
  "another run's checkpoint",
  async (path) => {
    const { checkpoint } = await loadCheckpoint(path, { prefer: "last" });
    const details = { ...checkpoint.details, run: "another" };
    await Deno.writeFile(`${path}/last.safetensors`, await encodeCheckpoint({ ...checkpoint, details }));
  },
  /belongs to run "another"/,
);
refused(
  "a checkpoint of another vocabulary",
  async (path) => {
    const { checkpoint } = await loadCheckpoint(path, { prefer: "last" });
    const bytes = await encodeCheckpoint({ ...checkpoint, vocabularyHash: "cd".repeat(32) });
    await Deno.writeFile(`${path}/last.safetensors`, bytes);
  },
  /vocabulary/,
);
refused(
  "a training position of another form",
  async (path) => {
    const { checkpoint } = await loadCheckpoint(path, { prefer: "last" });
    const bytes = await encodeCheckpoint({ ...checkpoint, position: { step: -1 } });
    await Deno.writeFile(`${path}/last.safetensors`, bytes);
  },
  /training position/,
);

Deno.test("resuming what is no run folder is refused and puts no lock into it", () =>
  inFolder(async (root) => {
    await rejectsWith(PausedRun.open(`${root}/none`), /none/);
    await rejectsWith(PausedRun.open(root), /no run\.json/);
    assert.deepEqual(await snapshot(root), new Map());
  }));

Deno.test("run.json keeps what resuming adds", () =>
  inFolder(async (root) => {
    await fill(root);
    const { started } = await readRunJson(root);
    await using paused = await PausedRun.open(root);
    await using _folder = await paused.resume(NOW);
    const record = await readRunJson(root);
    assert.equal(record.started, started);
    assert.equal(record.outcome, "running");
    assert.deepEqual(record.resumed.map(({ codeVersion }) => codeVersion), ["0.1.1"]);
    await writeRunJson(root, record);
    assert.deepEqual(await readRunJson(root), record);
  }));

Deno.test("a training that fails is recorded as failed, one that its reader leaves as interrupted", () =>
  inFolder(async (root) => {
    async function* failing(): AsyncGenerator<TrainEvent, void> {
      yield await firstCheckpoint();
      throw new Error("the engine died");
    }
    await using failed = await createRun(`${root}/failed`);
    await assert.rejects(Array.fromAsync(recordRun(failing(), failed)), /the engine died/);
    assert.equal((await readRunJson(`${root}/failed`)).outcome, "failed");
    await using left = await createRun(`${root}/left`);
    for await (const event of recordRun(madeEvents(), left)) {
      if (event.kind === "epoch") break;
    }
    assert.equal((await readRunJson(`${root}/left`)).outcome, "interrupted");
  }));

Deno.test("a metric in the wrong table is a fault of the program", () =>
  inFolder(async (root) => {
    await using folder = await createRun(root);
    const row = { step: 1, epoch: null, split: "train", value: 1 } as const;
    await assert.rejects(folder.append([{ ...row, metric: "seconds" }], []), RangeError);
    await assert.rejects(folder.append([], [{ ...row, metric: "loss" }]), RangeError);
  }));

Deno.test("a run folder that vanishes is a clear error at the next checkpoint", {
  ignore: Deno.build.os === "windows",
}, () =>
  inFolder(async (root) => {
    await using folder = await createRun(`${root}/run`);
    const { position, state } = await firstCheckpoint();
    await Deno.remove(`${root}/run`, { recursive: true });
    await rejectsWith(folder.saveCheckpoint({ position, state, best: true }), /run\/best\.safetensors: no such file/);
  }));

Deno.test("a full disk is a clear error, and leaves whole rows and the last good checkpoint", {
  ignore: Deno.build.os === "windows",
}, () =>
  inFolder(async (root) => {
    const program = `
      const { createRun, madeEvents } = await import(${JSON.stringify(import.meta.resolve("./made_run.ts"))});
      const { recordRun } = await import(${JSON.stringify(import.meta.resolve("../../src/metrics/record_run.ts"))});
      const folder = await createRun(Deno.args[0]);
      async function* endless() {
        const step = { step: 1, epoch: null, split: "train", metric: "loss", value: 0.123456789 };
        let first = true;
        for await (const event of madeEvents()) {
          yield event;
          if (event.kind === "end") break;
        }
        const metrics = new Array(7).fill(step);
        while (true) yield { kind: "step", step: 1, totalSteps: 1, epoch: 1, metrics, timing: [], loss: 1, tokensPerSecond: 1 };
      }
      try {
        for await (const _ of recordRun(endless(), folder));
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }
    `;
    // Files may grow to 64 KiB; the signal that would kill the process at that size is ignored, as on a full disk.
    const script = `trap '' XFSZ; ulimit -f 64; exec "$0" eval --no-check "$1" "$2"`;
    const command = new Deno.Command("bash", {
      args: ["-c", script, Deno.execPath(), program, `${root}/run`],
      cwd: new URL("../..", import.meta.url),
    });
    const { stdout, stderr } = await command.output();
    assert.match(
      new TextDecoder().decode(stdout),
      /^DataError: Cannot write .*metrics\.csv: /,
      new TextDecoder().decode(stderr),
    );
    const text = await Deno.readTextFile(`${root}/run/metrics.csv`);
    assert.ok(text.length > 60_000);
    assert.ok(text.endsWith(",0.123456789\n"));
    assert.deepEqual((await loadCheckpoint(`${root}/run`, { prefer: "last" })).checkpoint.state, stateAt(9));
  }));

Deno.test("a run's name depends on what is trained alone", async () => {
  const { model, recipe, dataSha256, vocabularySha256 } = START;
  const identity = { model, recipe, dataSha256, vocabularySha256 };
  const name = await nameRun(identity);
  assert.match(name, /^epsilon-exit-seed42-[0-9a-f]{8}$/);
  assert.equal(await nameRun({ ...identity, recipe: { ...recipe, logEvery: 1, checkpointEvery: 9 } }), name);
  const others = await Promise.all([
    nameRun({ ...identity, recipe: { ...recipe, learningRate: 1e-3 } }),
    nameRun({ ...identity, model: { ...model, numBins: 4 } }),
    nameRun({ ...identity, dataSha256: "34".repeat(32) }),
  ]);
  assert.equal(new Set([name, ...others]).size, 4);
});
