import assert from "node:assert/strict";
import { MEASURE_NAMES, type Measures } from "../../../src/diagnose/provocation/measures.ts";
import { ablationCharts } from "../../../src/report/ablation/charts.ts";
import type { AblationRun } from "../../../src/report/ablation/runs.ts";
import { meanCurves, runsCsv, summarizeAblation, summaryCsv } from "../../../src/report/ablation/summary.ts";
import { renderFile } from "../../../src/report/render.ts";

function made(arm: string, seed: number, loss: number | null, scenario = "swap"): AblationRun {
  const measures = Object.fromEntries(MEASURE_NAMES.map((name) => [name, name === "loss_final" ? loss : null]));
  const points = [{ step: 10, value: seed }, { step: 20, value: 2 * seed }];
  return {
    ...{ scenario, arm, seed, shiftStep: 10, measures: measures as Measures },
    curves: new Map([["task_loss", points], ...arm === "on" ? [["sr_gain", points] as const] : []]),
  };
}

const RUNS = [
  ...[
    made("off", 1, 1),
    made("on", 1, 1.5),
    made("off", 2, 2),
    made("on", 2, 2.25),
    made("on", 3, 9),
    made("off", 4, 7),
  ],
  made("off", 1, 5, "short"),
];

Deno.test("an arm's difference from the baseline is taken over the seeds that both have, within its scenario", () => {
  const summary = summarizeAblation(RUNS, "off");
  assert.deepEqual(summary.map(({ scenario, arm, sample }) => [scenario, arm, sample.n]), [
    ["swap", "off", 3],
    ["swap", "on", 3],
    ["short", "off", 1],
  ]);
  const [off, on, short] = summary;
  assert.equal(off.sample.mean, 10 / 3);
  assert.equal(off.difference, undefined);
  assert.equal(on.difference?.n, 2);
  assert.equal(on.difference?.difference, 0.375);
  assert.ok(Math.abs((on.difference?.interval.upper ?? NaN) - (0.375 + 12.706204736 * 0.125)) < 1e-6);
  assert.equal(short.sample.sd, null);
});

Deno.test("no difference is made of seeds that arm and baseline do not share", () => {
  const summary = summarizeAblation([made("off", 1, 1), made("off", 2, 2), made("on", 3, 3), made("on", 4, 5)], "off");
  assert.equal(summary[1].difference, undefined);
});

Deno.test("the tables have a row for every measure of every run, empty where there is none, and numbers that read back", () => {
  const table = runsCsv(RUNS).trimEnd().split("\n");
  assert.equal(table.length, 1 + RUNS.length * MEASURE_NAMES.length);
  assert.ok(table.includes("swap,on,2,loss_final,2.25"));
  assert.ok(table.includes("swap,on,2,loss_area,"));
  const [header, off, on] = summaryCsv(summarizeAblation(RUNS, "off")).split("\n");
  assert.equal(header.split(",").length, off.split(",").length);
  assert.equal(Number(off.split(",")[4]), 10 / 3);
  assert.deepEqual(on.split(",").slice(8, 10), ["2", "0.375"]);
});

Deno.test("curves are means over the seeds that have them", () => {
  const curves = meanCurves(RUNS);
  const own = curves.filter(({ scenario, arm, metric }) => `${scenario} ${arm} ${metric}` === "swap on sr_gain");
  assert.deepEqual(own.map(({ step, mean, seeds }) => [step, mean, seeds]), [[10, 2, 3], [20, 4, 3]]);
});

Deno.test("charts show what there is: signals only where an arm has some, norms only where they were measured", async () => {
  const charts = ablationCharts(RUNS, meanCurves(RUNS));
  assert.deepEqual(charts.map(({ name }) => name), ["loss", "signals", "seeds"]);
  for (const { drawing } of charts) assert.match(await renderFile(drawing), /^<svg /);
  const plain = RUNS.filter(({ arm }) => arm === "off");
  assert.deepEqual(ablationCharts(plain, meanCurves(plain)).map(({ name }) => name), ["loss", "seeds"]);
});

Deno.test("more arms than colours are told apart by dashes as well", () => {
  const many = Array.from({ length: 12 }, (_, i) => made(`arm-${i}`, 1, i));
  const [loss] = ablationCharts(many, meanCurves(many));
  const text = JSON.stringify(loss.drawing.spec);
  assert.match(text, /"strokeDash":\{[^}]*"domain":\["arm-0"/);
});
