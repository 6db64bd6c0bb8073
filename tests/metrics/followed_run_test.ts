import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../../src/errors.ts";
import { FollowedRun } from "../../src/metrics/followed_run.ts";
import { FollowedTable } from "../../src/metrics/followed_table.ts";
import { METRICS_HEADER, readMetrics } from "../../src/metrics/metrics_csv.ts";
import { PausedRun } from "../../src/metrics/paused_run.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import { createRun, inFolder, madeEvents } from "./made_run.ts";

const row = (step: number, value = "0.5") => `a,${step},,train,loss,${value}\n`;

Deno.test("what is written in any pieces is read as the whole rows that it holds, each once", () =>
  inFolder(async (root) => {
    const text = METRICS_HEADER +
      Array.from({ length: 40 }, (_, i) => row(i, i % 7 === 0 ? "" : String(i / 3))).join("");
    let file = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }), async (lengths) => {
        const path = `${root}/${file++}.csv`;
        const table = new FollowedTable(path);
        assert.deepEqual(await table.look(), { anew: false, rows: [] });
        const seen: unknown[] = [];
        let written = 0;
        for (const length of [...lengths, text.length]) {
          await Deno.writeTextFile(path, text.slice(written, written + length), { append: true });
          written = Math.min(text.length, written + length);
          const { anew, rows } = await table.look();
          assert.equal(anew, false);
          seen.push(...rows);
          assert.equal(seen.length, Math.max(0, text.slice(0, written).split("\n").length - 2));
        }
        assert.deepEqual(seen, await Array.fromAsync(readMetrics(path)));
      }),
      { numRuns: 30 },
    );
  }));

Deno.test("a file that was cut, replaced or removed is read anew", () =>
  inFolder(async (root) => {
    const path = `${root}/metrics.csv`;
    const table = new FollowedTable(path);
    const values = async () => {
      const { anew, rows } = await table.look();
      return { anew, values: rows.map(({ value }) => value) };
    };
    await Deno.writeTextFile(path, METRICS_HEADER + row(1, "1") + row(2, "2"));
    assert.deepEqual(await values(), { anew: false, values: [1, 2] });
    assert.deepEqual(await values(), { anew: false, values: [] });
    await Deno.writeTextFile(path, METRICS_HEADER + row(1, "1"));
    assert.deepEqual(await values(), { anew: true, values: [1] });
    // As long as before or longer, with other rows.
    await Deno.writeTextFile(path, METRICS_HEADER + row(1, "7") + row(2, "8"));
    assert.deepEqual(await values(), { anew: true, values: [7, 8] });
    await Deno.remove(path);
    assert.deepEqual(await values(), { anew: true, values: [] });
    assert.deepEqual(await values(), { anew: false, values: [] });
    await Deno.writeTextFile(path, METRICS_HEADER + row(9, "9"));
    assert.deepEqual(await values(), { anew: false, values: [9] });
  }));

Deno.test("a file that is none of epsilon's, and a broken row, are data errors with their line", () =>
  inFolder(async (root) => {
    const path = `${root}/metrics.csv`;
    const table = new FollowedTable(path);
    const fails = (pattern: RegExp) =>
      assert.rejects(table.look(), (error) => error instanceof DataError && pattern.test(error.message));
    await Deno.writeTextFile(path, "something else\n");
    await fails(/line 1: header is "something else"/);
    await Deno.writeTextFile(path, METRICS_HEADER + row(1));
    assert.equal((await table.look()).rows.length, 1);
    await Deno.writeTextFile(path, row(2) + "a,x,,train,loss,1\n", { append: true });
    await fails(/line 4: step is "x"/);
  }));

Deno.test("a run is followed from before its first file to its end, through a resume", () =>
  inFolder(async (root) => {
    const path = `${root}/run`;
    const followed = new FollowedRun(path);
    const record = () => followed.record;
    assert.equal(await followed.look(), false);
    assert.equal(record(), undefined);
    const folder = await createRun(path);
    let events = 0;
    for await (const event of recordRun(madeEvents(), folder)) {
      await followed.look();
      assert.equal(record()?.run, folder.record.run);
      if (event.kind === "step") assert.equal(followed.position.step, event.step);
      // Rows behind the last checkpoint, which a resume cuts off.
      if (event.kind === "step" && ++events === 5) break;
    }
    await folder.close();
    assert.equal(await followed.look(), true, "the run was interrupted");
    assert.equal(record()?.outcome, "interrupted");
    assert.equal(followed.curve("train", "loss").steps.length, 5);
    await using paused = await PausedRun.open(path);
    await using resumed = await paused.resume({ codeVersion: "0.1.0", device: "reference" });
    await followed.look();
    assert.equal(followed.curve("train", "loss").steps.length, 4);
    for await (const _ of recordRun(madeEvents(4), resumed)) await followed.look();
    assert.equal(record()?.outcome, "finished");
    assert.deepEqual(followed.curve("train", "loss").steps.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(followed.position, { step: 9, epoch: 3 });
    const accuracies = followed.curve("validation", "accuracy").epochs.map(({ value }) => value);
    assert.deepEqual(accuracies, [0.5, 0.75, 0.625]);
    assert.equal(await followed.look(), false, "nothing new");
    // Another run in its place.
    await resumed.close();
    await Deno.remove(path, { recursive: true });
    await using other = await createRun(path, { run: "another" });
    assert.equal(await followed.look(), true);
    assert.deepEqual([record()?.run, followed.position.step], [other.record.run, 0]);
  }));
