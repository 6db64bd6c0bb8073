import assert from "node:assert/strict";
import { join } from "node:path";
import { INSTRUMENT_TABLES, type InstrumentTable, PLACE_COLUMNS } from "../../src/diagnose/instruments/table.ts";
import { renderSvg } from "../../src/libraries/charts.ts";
import { thresholdCsv } from "../../src/metrics/threshold_csv.ts";
import { CHARTS } from "../../src/report/charts/all.ts";
import { CHART_NAMES } from "../../src/report/charts/names.ts";
import { seriesOf } from "../../src/report/charts/series.ts";
import { readInstrument } from "../../src/report/instrument_tables.ts";
import { renderFile, renderInline, saveChart, specificationJson } from "../../src/report/render.ts";
import { readRuns, type ReportRun } from "../../src/report/run.ts";
import { PAPER_THEME } from "../../src/report/theme.ts";
import { withFolder } from "../cli/run_program.ts";
import { ALL_INSTRUMENTS, type MadeRun, writeRun } from "./made_runs.ts";

const INSTRUMENTS = [...new Set(CHARTS.flatMap(({ instruments }) => instruments))];

Deno.test("the list of names that is read in a moment is that of the charts", () => {
  assert.deepEqual(CHART_NAMES, CHARTS.map(({ name }) => name));
});

/** Calls `body` with made-up runs as a report reads them. */
async function withRuns(made: readonly MadeRun[], body: (runs: ReportRun[], folder: string) => Promise<void>) {
  await withFolder(async (folder) => {
    for (const [i, run] of made.entries()) await writeRun(join(folder, `run-${i}`), run);
    const folders = made.map((_, i) => join(folder, `run-${i}`));
    await body(await readRuns(folders, { instruments: INSTRUMENTS, steps: true }), folder);
  });
}

/** Draws every chart for which some run has data; returns the names of the others. */
async function drawAll(runs: readonly ReportRun[], look: (svg: string, name: string) => void): Promise<string[]> {
  const lacking: string[] = [];
  for (const chart of CHARTS) {
    const drawable = runs.filter((run) => chart.lack(run) === undefined).slice(0, chart.single ? 1 : undefined);
    if (drawable.length === 0) {
      lacking.push(chart.name);
      continue;
    }
    const warnings: string[] = [];
    const drawing = chart.draw(drawable, seriesOf(drawable.map(({ label }) => label)));
    const svg = await renderSvg(drawing.spec, PAPER_THEME, (text) => warnings.push(text));
    assert.deepEqual(warnings, [], chart.name);
    assert.ok(drawing.rows.length > 0, chart.name);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined|\[object/, chart.name);
    look(svg, chart.name);
  }
  return lacking;
}

/** Marks of the data: those in the plotted groups, axes and background aside. */
const marks = (svg: string) => [...svg.matchAll(/class="mark-(?:line|symbol|rect) role-mark[^"]*"/g)].length;

Deno.test("every chart is drawn without a word from Vega, for one run, several and more than there are colours", async () => {
  for (const count of [1, 3, 12]) {
    const made = Array.from({ length: count }, (_, i) => ({
      name: `run-${String(i).padStart(2, "0")}`,
      logEvery: 200,
      instruments: ALL_INSTRUMENTS,
      shift: i,
    }));
    await withRuns(made, async (runs) => {
      const lacking = await drawAll(runs, (svg, name) => assert.ok(marks(svg) > 0, `${name} shows nothing`));
      assert.deepEqual(lacking, []);
    });
  }
});

Deno.test("one epoch, missing values and a lonely value between missing ones are drawn, and nothing is made up", async () => {
  await withRuns([{ name: "one", epochs: 1 }], async (runs) => {
    await drawAll(runs, (svg, name) => assert.ok(marks(svg) > 0, name));
  });
  await withRuns([{ name: "gaps", epochs: 4, gaps: true }], async (runs) => {
    const accuracy = CHARTS.find(({ name }) => name === "accuracy");
    const drawing = accuracy?.draw(runs, seriesOf(["gaps"]));
    assert.deepEqual(
      drawing?.rows.filter(({ split }) => split === "validation").map(({ epoch, value }) => [epoch, value === null]),
      [[1, false], [2, false], [3, true], [4, false]],
    );
    await drawAll(runs, (svg) => assert.ok(marks(svg) > 0));
  });
});

Deno.test("a run without a table says which and how to get it; a run without epochs says so", async () => {
  await withRuns([{ name: "bare", epochs: 0 }], async (runs, folder) => {
    const lacking = await drawAll(runs, () => assert.fail("nothing can be drawn"));
    assert.equal(lacking.length, CHARTS.length);
    const lack = (name: string) => CHARTS.find((chart) => chart.name === name)?.lack(runs[0]);
    assert.equal(lack("accuracy"), "no epoch that has ended");
    const path = join(folder, "run-0");
    assert.equal(
      lack("reliability"),
      `no reliability.csv: run epsilon diagnose ${path} --instruments calibration`,
    );
  });
});

Deno.test("the tables that are read are those that diagnosis writes", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "table.csv");
    for (const [table, columns] of Object.entries(INSTRUMENT_TABLES)) {
      await Deno.writeTextFile(path, `${[...PLACE_COLUMNS, ...columns].join(",")}\n`);
      assert.deepEqual(await Array.fromAsync(readInstrument(path, table as InstrumentTable, () => {})), []);
    }
    await Deno.writeTextFile(path, thresholdCsv({ run: "a", step: null, epoch: null, split: "all" }, []));
    assert.deepEqual(await Array.fromAsync(readInstrument(path, "threshold", () => {})), []);
  });
});

Deno.test("names from files are text in a chart, not markup", async () => {
  const name = `<script>alert("1")</script> & '"`;
  await withRuns([{ name, instruments: ALL_INSTRUMENTS }, { name: "other" }], async (runs) => {
    let seen = 0;
    await drawAll(runs, (svg) => {
      assert.doesNotMatch(svg, /<script/i);
      if (svg.includes("&lt;script&gt;")) seen++;
    });
    assert.ok(seen > 5);
  });
});

Deno.test("the saved specification draws the same chart, holds the data exactly and loads nothing", async () => {
  await withRuns([{ name: "a" }, { name: "b", shift: 1 / 3 }], async (runs, folder) => {
    const chart = CHARTS.find(({ name }) => name === "depth");
    assert.ok(chart !== undefined);
    const drawing = chart.draw(runs, seriesOf(["a", "b"]));
    await saveChart(join(folder, "depth.svg"), drawing);
    const saved = JSON.parse(await Deno.readTextFile(join(folder, "depth.vl.json")));
    assert.deepEqual(saved.data.values, drawing.rows);
    assert.equal(saved.$schema, "https://vega.github.io/schema/vega-lite/v6.json");
    const ids = (svg: string) => svg.replaceAll(/\b(clip|gradient_?)\d+/g, "$1");
    const { config, ...spec } = saved;
    assert.equal(ids(await renderSvg(spec, config)), ids(await Deno.readTextFile(join(folder, "depth.svg"))));
    assert.equal(saved.data.url, undefined);
    const url = "file:///etc/hostname";
    const warnings: string[] = [];
    await renderSvg({ ...spec, data: { url } }, config, (text) => warnings.push(text));
    assert.match(warnings.join(), /may load nothing/);
  });
});

Deno.test("charts of a page have no ids in common, no styles of their own, and colours that follow the page", async () => {
  await withRuns([{ name: "a", instruments: ALL_INSTRUMENTS }], async (runs) => {
    const ids: string[] = [];
    for (const chart of CHARTS.filter((chart) => chart.lack(runs[0]) === undefined)) {
      const svg = await renderInline(chart.draw(runs, seriesOf(["a"])));
      ids.push(...[...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
      assert.doesNotMatch(svg, / style=|<style|<image|href=/);
      assert.match(svg, /var\(--quiet\)/);
    }
    assert.equal(new Set(ids).size, ids.length);
  });
});

Deno.test("a chart alone is dark on white", async () => {
  await withRuns([{ name: "a" }], async (runs) => {
    const drawing = CHARTS[0].draw(runs, seriesOf(["a"]));
    const svg = await renderFile(drawing);
    assert.match(svg, /fill="#ffffff"/);
    assert.doesNotMatch(svg, /var\(/);
    assert.equal(JSON.parse(specificationJson(drawing)).title, drawing.title);
  });
});
