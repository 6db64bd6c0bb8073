import assert from "node:assert/strict";
import { join } from "node:path";
import { compareRuns, type Comparison } from "../../src/report/comparison/comparison.ts";
import { readRuns } from "../../src/report/run.ts";
import { withFolder } from "../cli/run_program.ts";
import { type MadeRun, writeRun } from "./made_runs.ts";

const HEADER = "run,step,epoch,split,data,review,label,predicted,probability\n";

/** Predictions of reviews 0 … n − 1 of class 1; `wrong` tells those that are taken for 0. */
function predictions(reviews: number, wrong: (review: number) => boolean, data = "00"): string {
  const rows = Array.from({ length: reviews }, (_, r) => `a,7,1,test,${data},${r},1,${wrong(r) ? 0 : 1},0.75\n`);
  return HEADER + rows.join("");
}

async function withComparison(
  made: readonly (MadeRun & { readonly predictions?: string })[],
  body: (comparison: Comparison, folder: string) => void | Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const folders = made.map((_, i) => join(folder, `run-${i}`));
    for (const [i, run] of made.entries()) {
      await writeRun(folders[i], run);
      if (run.predictions !== undefined) await Deno.writeTextFile(join(folders[i], "predictions.csv"), run.predictions);
    }
    await body(await compareRuns(await readRuns(folders, { instruments: [] })), folder);
  });
}

const figuresOf = ({ groups }: Comparison, group: number, name: string) =>
  [...groups[group].samples].find(([figure]) => figure.name === name)?.[1];

Deno.test("runs that differ in their seed only are one configuration; a seed run twice counts once", async () => {
  await withComparison([
    { name: "a", seed: 42, shift: 0 },
    { name: "b", seed: 43, shift: 2, logEvery: 50 },
    { name: "c", seed: 43, shift: 4 },
    { name: "d", seed: 42, shift: 1, halting: "soft" },
    { name: "e", seed: 42, shift: 1, epochs: 5 },
  ], (comparison) => {
    assert.deepEqual(comparison.groups.map(({ group }) => [group.label, group.runs.length]), [
      ["epsilon-exit, epochs 3", 3],
      ["epsilon-soft", 1],
      ["epsilon-exit, epochs 5", 1],
    ]);
    assert.deepEqual(comparison.options.map(({ key, values }) => [key, ...values]), [
      ["halting", "exit", "soft", "exit"],
      ["epochs", "3", "3", "5"],
    ]);
    // The last accuracy is 0.79 − shift/100: seed 42 has 0.79, seed 43 the mean of 0.77 and 0.75.
    const last = figuresOf(comparison, 0, "last_accuracy");
    assert.equal(last?.n, 2);
    assert.ok(Math.abs((last?.mean ?? 0) - 0.775) < 1e-12);
  });
});

Deno.test("runs are tested on the reviews that both judged, with the same data and class", async () => {
  await withComparison([
    { name: "a", predictions: predictions(100, (r) => r < 10) },
    { name: "b", seed: 43, predictions: predictions(80, (r) => r >= 5 && r < 9) },
    { name: "c", seed: 44, predictions: predictions(80, () => false, "ff") },
  ], ({ tests, notes }) => {
    assert.equal(tests.length, 1);
    const [{ first, second, reviews, bothRight, onlyFirstRight, onlySecondRight, bothWrong, splits, p, adjusted }] =
      tests;
    assert.deepEqual(
      [first, second, reviews, bothRight, onlyFirstRight, onlySecondRight, bothWrong, splits],
      ["a", "b", 80, 70, 0, 6, 4, ["test"]],
    );
    assert.ok(Math.abs(p - 2 * 0.5 ** 6) < 1e-12);
    assert.equal(adjusted, p);
    assert.deepEqual(notes, ["a and c have no review in common", "b and c have no review in common"]);
  });
});

Deno.test("many runs are tested against the first only, and a run without predictions is named", async () => {
  const made = Array.from({ length: 12 }, (_, i) => ({
    name: `run-${String(i).padStart(2, "0")}`,
    seed: i,
    epochs: 1,
    ...i === 5 ? {} : { predictions: predictions(20, (r) => r === i) },
  }));
  await withComparison(made, ({ tests, notes }) => {
    assert.equal(tests.length, 10);
    assert.ok(tests.every(({ first }) => first === "run-00"));
    assert.match(notes.join("\n"), /No predictions\.csv in run-05: epsilon evaluate/);
    assert.match(notes.join("\n"), /11 runs have predictions: each is tested against run-00 only/);
  });
});

Deno.test("broken predictions, a broken run.json and a run without epochs are told, and nothing is made up", async () => {
  await withComparison([
    { name: "a", predictions: "rubbish\n" },
    { name: "b", seed: 43, epochs: 0 },
  ], async ({ notes, groups }, folder) => {
    assert.match(notes.join("\n"), /predictions\.csv, line 1: header is "rubbish"/);
    assert.equal(groups.length, 2);
    await Deno.remove(join(folder, "run-0/run.json"));
    const runs = await readRuns([join(folder, "run-0"), join(folder, "run-1")], { instruments: [] });
    const again = await compareRuns(runs);
    assert.match(again.notes.join("\n"), /it has no run\.json/);
    assert.deepEqual(again.groups.map(({ group }) => group.label), ["a", "epsilon-exit"]);
    assert.deepEqual([...again.runs[1].values].map(([{ name }]) => name), ["parameters"]);
    assert.deepEqual(again.differences, []);
  });
});
