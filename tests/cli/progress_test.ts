import assert from "node:assert/strict";
import { Progress, type ProgressMode } from "../../src/cli/progress.ts";

/** A display on a made-up standard error and clock. */
function display(mode: ProgressMode, { redraws = true, columns = 80 } = {}) {
  const written: string[] = [];
  const time = { now: 0 };
  const stream = { redraws, columns: () => columns, write: (text: string) => void written.push(text) };
  return { progress: new Progress(mode, stream, () => time.now), written, time };
}

const ERASE = "\r\x1b[K";

Deno.test("on a terminal one line is redrawn, with share, rate and remaining time", () => {
  const { progress, written, time } = display("auto");
  progress.update({ label: "epoch 1/2", done: 100, total: 300, count: { value: 5000, unit: "tokens" } });
  time.now = 2000;
  progress.update({
    label: "epoch 1/2",
    done: 150,
    total: 300,
    count: { value: 9000, unit: "tokens" },
    note: "loss 0.5",
  });
  assert.equal(written[1], `${ERASE}epoch 1/2  50 %  loss 0.5  2.00k tokens/s  ETA 0:06`);
  progress.clear();
  assert.equal(written.at(-1), ERASE);
  assert.ok(written.every((text) => !text.includes("\n")), "no line is left behind");
});

Deno.test("a line never reaches the last column, so that it cannot wrap", () => {
  const { progress, written } = display("auto", { columns: 20 });
  progress.update({ label: "x".repeat(100), done: 0 });
  assert.equal(written[0], `${ERASE}${"x".repeat(19)}`);
});

Deno.test("updates in quick succession are shown ten times a second at most", () => {
  const { progress, written, time } = display("auto");
  for (time.now = 0; time.now < 1000; time.now++) progress.update({ label: "x", done: time.now });
  assert.equal(written.length, 10);
});

Deno.test("off a terminal whole lines come every ten seconds, without control characters", () => {
  const { progress, written, time } = display("auto", { redraws: false });
  for (time.now = 0; time.now <= 25_000; time.now += 100) {
    progress.update({ label: "x\x1b[2J", done: time.now, total: 50_000 });
  }
  assert.equal(written.length, 2);
  for (const line of written) assert.match(line, /^[^\p{Cc}]+\n$/u);
  progress.clear();
  assert.equal(written.length, 2, "nothing to erase");
});

Deno.test("in json mode every line is an object, milestones included", () => {
  const { progress, written, time } = display("json");
  time.now = 1000;
  progress.update({ label: "x", done: 1, total: 2, count: { value: 3, unit: "tokens" } });
  time.now = 3000;
  progress.update({ label: "x", done: 2, total: 2, count: { value: 7, unit: "tokens" } });
  progress.milestone("epoch 1 done", { kind: "epoch", epoch: 1 });
  const objects = written.map((line) => JSON.parse(line));
  assert.deepEqual(objects.map(({ kind }) => kind), ["progress", "progress", "epoch"]);
  assert.deepEqual([objects[1].tokens_per_second, objects[1].eta_seconds], [2, 0]);
});

Deno.test("a milestone erases the line before it", () => {
  const { progress, written } = display("auto");
  progress.update({ label: "x", done: 0 });
  progress.milestone("epoch 1 done", {});
  assert.deepEqual(written.slice(1), [ERASE, "epoch 1 done\n"]);
});

Deno.test("off shows nothing at all", () => {
  const { progress, written, time } = display("off");
  time.now = 60_000;
  progress.update({ label: "x", done: 1 });
  progress.milestone("epoch 1 done", {});
  progress.clear();
  assert.deepEqual(written, []);
});
