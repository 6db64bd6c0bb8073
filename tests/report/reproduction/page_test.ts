import assert from "node:assert/strict";
import { renderSvg } from "../../../src/libraries/charts.ts";
import { reproductionFigures } from "../../../src/report/reproduction/figures.ts";
import { reproductionMarkdown } from "../../../src/report/reproduction/markdown.ts";
import { type ReproducedRun, resultRows, runTimingRows, summarize } from "../../../src/report/reproduction/results.ts";
import { PAPER_THEME } from "../../../src/report/theme.ts";
import { madeResult } from "./made_results.ts";

const RUNS: readonly ReproducedRun[] = [
  madeResult({ variant: "exit", seed: 1, accuracies: [0.8, 0.9], depths: [2, 4] }),
  madeResult({ variant: "exit", seed: 2, accuracies: [0.82, 0.89], depths: [2.5, 4.5] }),
  madeResult({ variant: "soft", accuracies: [0.81], depths: [2], outcome: "stopped-early" }),
  madeResult({ variant: "vanilla", accuracies: [0.7, null] }),
];

function page(runs: readonly ReproducedRun[], deviations: readonly string[] = []): string {
  return reproductionMarkdown({
    runs,
    summaries: summarize(runs.flatMap(resultRows)),
    timing: summarize(runs.flatMap(runTimingRows)),
    figures: reproductionFigures(runs),
    findings: ["**A finding.**"],
    deviations,
    command: "epsilon reproduce",
    machine: "a processor",
    day: "2026-11-28",
  });
}

Deno.test("the table shows mean and deviation, the paper's numbers beside, and a dash for what is missing", () => {
  const text = page(RUNS);
  const row = (label: string) => text.split("\n").find((line) => line.startsWith(`| ${label}`))?.split(" | ").slice(1);
  assert.deepEqual(row("Validation accuracy, best epoch"), ["89.50 ± 0.71", "81.00", "70.00", "90.07", "85.08 |"]);
  assert.deepEqual(row("Mean depth, last epoch"), ["4.25 ± 0.35", "2.00 †", "–", "1.78", "– |"]);
  assert.deepEqual(row("Seeds"), ["1, 2", "42", "42", "one run", "one run |"]);
  assert.doesNotMatch(text, /Test accuracy|NaN|undefined|null/);
  assert.match(text, /^† Stopped early for want of a better epoch: `soft` with seed 42\. /m);
  assert.match(text, /on 2026-11-28, a processor\./);
  assert.match(text, /^- `soft`, seed 42: `epsilon-soft-seed42`, 1 of 25 epochs, 2026-11-22, epsilon 0\.1\.0 on /m);
  assert.match(text, /The recipe is the paper's \(`train`'s defaults\), but for stopping early\./);
  assert.match(page(RUNS, ["2 epochs instead of 25"]), /\*\*This is not the paper's run:\*\* 2 epochs instead of 25/);
});

Deno.test("runs that went on where others stopped are named, and whether a better epoch came of it", () => {
  const run = (variant: string, seed: number, accuracies: readonly number[], outcome?: "stopped-early") =>
    madeResult({ variant, seed, accuracies, ...outcome === undefined ? {} : { outcome, patience: 2 } });
  const early = [run("soft", 1, [0.8, 0.7, 0.7], "stopped-early"), run("soft", 2, [0.8, 0.7, 0.7], "stopped-early")];
  const same = run("exit", 1, [0.8, 0.7, 0.8, 0.75]);
  const text = page([same, ...early]);
  assert.match(text, /^† Stopped early .*: `soft` with seeds 1, 2\. /m);
  assert.match(text, /a patience of 2 would have stopped them: `exit` with seed 1\. Their best epoch is the one/);
  const better = run("exit", 2, [0.8, 0.7, 0.7, 0.9]);
  assert.match(
    page([same, better, ...early]),
    /`exit` with seeds 1, 2\. A better epoch .* for `exit` with seed 2, which/,
  );
  for (const accuracies of [[0.7, 0.8], [0.8, 0.7, 0.7]]) {
    assert.doesNotMatch(page([run("exit", 3, accuracies), ...early]), /would have stopped/);
  }
  assert.doesNotMatch(page([same, better]), /†|would have stopped|stopping early/);
});

Deno.test("a variant's mean ends where one of its runs does; each run is drawn to its own end", () => {
  const runs = [[0.5, 1], [0.25, 0.5, 0.95]].map((accuracies, seed) =>
    madeResult({ variant: "exit", seed, accuracies })
  );
  const [{ drawing }] = reproductionFigures(runs);
  assert.deepEqual(drawing.rows.map(({ seed, epoch, value, mean }) => [seed, epoch, value, mean]), [
    [0, 1, 0.5, 0.375],
    [0, 2, 1, 0.75],
    [1, 1, 0.25, 0.375],
    [1, 2, 0.5, 0.75],
    [1, 3, 0.95, null],
  ]);
});

Deno.test("every row of the table has as many cells as its head", () => {
  const rows = page(RUNS).split("\n").filter((line) => line.startsWith("|")).map((line) => line.split("|").length);
  assert(rows.length > 6);
  assert.equal(new Set(rows).size, 1);
});

Deno.test("the figures hold the runs and their means and are drawn without a word from Vega", async () => {
  const figures = reproductionFigures(RUNS);
  assert.deepEqual(figures.map(({ name }) => name), ["depth", "accuracy", "cross-entropy"]);
  const accuracy = figures[1].drawing.rows.filter(({ series }) => series === "exit");
  assert.deepEqual(accuracy.map(({ seed, epoch, value }) => [seed, epoch, value]), [
    [1, 1, 0.8],
    [1, 2, 0.9],
    [2, 1, 0.82],
    [2, 2, 0.89],
  ]);
  assert(Math.abs(Number(accuracy[0].mean) - 0.81) < 1e-15);
  // A missing value is no point, and a model without depth no line.
  assert.equal(figures[1].drawing.rows.filter(({ series }) => series === "vanilla").length, 1);
  assert.equal(figures[0].drawing.rows.some(({ series }) => series === "vanilla"), false);
  for (const { drawing } of figures) {
    const warnings: string[] = [];
    const svg = await renderSvg(drawing.spec, PAPER_THEME, (text) => warnings.push(text));
    assert.deepEqual(warnings, []);
    assert.doesNotMatch(svg, /NaN|undefined/);
    const legend = [...svg.matchAll(/role-legend-label.*?>([a-z-]+)<\/text>/g)].map(([, name]) => name);
    assert.deepEqual(legend, [...new Set(drawing.rows.map(({ series }) => series))]);
  }
  const single = reproductionFigures([madeResult({ variant: "vanilla", accuracies: [0.7] })]);
  assert.deepEqual(single.map(({ name }) => name), ["accuracy", "cross-entropy"]);
});
