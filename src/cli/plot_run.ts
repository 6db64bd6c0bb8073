import { DataError, UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { printable } from "../files/printable.ts";
import { CHARTS } from "../report/charts/all.ts";
import type { Chart } from "../report/charts/chart.ts";
import type { Drawing } from "../report/charts/drawing.ts";
import { seriesOfRuns } from "../report/groups.ts";
import { renderFile, saveChart, specificationJson, specificationPath } from "../report/render.ts";
import { readRuns } from "../report/run.ts";
import { formatTable } from "./format.ts";
import { suggestName } from "../nearest.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import type { PlotContext } from "./plot.ts";

/** The body of `epsilon plot`. */
export async function plot({ values, positionals, terminal }: PlotContext): Promise<number> {
  if (values.list) {
    const charts = CHARTS.map(({ name, caption }) => ({ name, caption }));
    const table = () => formatTable(charts.map(({ name, caption }) => [name, caption]));
    await terminal.write(values.json ? jsonDocument({ charts }) : table());
    return 0;
  }
  const chart = findChart(values.chart);
  if (positionals.length === 0) {
    throw new UsageError("Cannot draw a chart: no run was named", "Name one or more run folders.");
  }
  if (chart.single && positionals.length > 1) {
    throw new UsageError(
      `Cannot draw ${chart.name}: it shows one run, found ${positionals.length}`,
      "Name one run folder.",
    );
  }
  const form = formOf(values.out);
  const drawing = await drawRuns(chart, positionals, terminal);
  if (values.out === undefined && !values.json) await terminal.write(await renderFile(drawing));
  const files = values.out === undefined ? [] : await writeChart(values.out, form, drawing);
  if (values.json) {
    const specification: unknown = JSON.parse(specificationJson(drawing));
    await terminal.write(jsonDocument({ chart: chart.name, files, specification }));
  }
  return 0;
}

/** Writes the chart in its form; returns the files. */
async function writeChart(out: string, form: "svg" | "specification", drawing: Drawing): Promise<string[]> {
  if (form === "svg") {
    await saveChart(out, drawing);
    return [out, specificationPath(out)];
  }
  await writeFileAtomically(out, specificationJson(drawing));
  return [out];
}

async function drawRuns(chart: Chart, folders: readonly string[], terminal: Terminal): Promise<Drawing> {
  const runs = await readRuns(folders, { instruments: chart.instruments, steps: chart.steps ?? false });
  for (const { notes } of runs) for (const note of notes) terminal.warn(`${note}.`);
  const lacking = runs.flatMap((run) => {
    const lack = chart.lack(run);
    return lack === undefined ? [] : [{ run, lack }];
  });
  if (lacking.length === runs.length) {
    const [{ run, lack }] = lacking;
    throw new DataError(
      `Cannot draw ${chart.name}: ${printable(run.label)} has ${lack}`,
      "Name runs that have what the chart shows.",
    );
  }
  for (const { run, lack } of lacking) terminal.warn(`${printable(run.label)} is left out: it has ${lack}.`);
  const drawable = runs.filter((run) => !lacking.some((lack) => lack.run === run));
  return chart.draw(drawable, seriesOfRuns(drawable));
}

function findChart(name: string | undefined): Chart {
  const found = CHARTS.find((chart) => chart.name === name);
  if (found !== undefined) return found;
  if (name === undefined) throw new UsageError("Cannot draw a chart: none was named", LIST_HINT);
  throw new UsageError(
    `Cannot draw the chart ${printable(name)}: there is none of that name`,
    suggestName(name, CHARTS.map((chart) => chart.name), LIST_HINT),
  );
}

const LIST_HINT = "Give --chart with a name that epsilon plot --list shows.";

function formOf(out: string | undefined): "svg" | "specification" {
  const lower = out?.toLowerCase() ?? ".svg";
  if (lower.endsWith(".svg")) return "svg";
  if (lower.endsWith(".json")) return "specification";
  throw new UsageError(
    `Cannot write a chart as ${printable(String(out))}`,
    "Give a file that ends in .svg or .vl.json.",
  );
}
