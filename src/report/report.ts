import { VERSION } from "../version.ts";
import { CHARTS } from "./charts/all.ts";
import { type Chart, SECTIONS } from "./charts/chart.ts";
import type { Series } from "./charts/series.ts";
import { groupRuns, seriesOfRuns } from "./groups.ts";
import { chartsSection, type DrawnChart } from "./html/charts_section.ts";
import { legend } from "./html/legend.ts";
import { type Markup, markup } from "./html/markup.ts";
import { missingSection } from "./html/missing_section.ts";
import { type PageSection, renderPage } from "./html/page.ts";
import { reviewsSection } from "./html/reviews.ts";
import { summarySection } from "./html/summary_section.ts";
import type { TableName } from "./instrument_tables.ts";
import { specificationJson } from "./render.ts";
import type { ReportRun } from "./run.ts";

/** Instruments whose tables a report shows. */
export const REPORT_INSTRUMENTS: readonly TableName[] = [
  ...new Set([...CHARTS.flatMap(({ instruments }) => instruments), "tokens" as const]),
];

/** Most runs of which a report shows single optimizer steps. */
export const MOST_RUNS_WITH_STEPS = 10;

/** A report ready to be written. */
export interface Report {
  /** One self-contained HTML document. */
  readonly page: string;
  /** Each chart's specification with its data, by file name. */
  readonly specifications: ReadonlyMap<string, string>;
}

export interface ReportOptions {
  readonly title: string;
  /** Folder of the specifications, relative to the page. */
  readonly folder: string;
}

/** A report of `runs`, at least one. The same runs make the same bytes. */
export async function makeReport(runs: readonly ReportRun[], { title, folder }: ReportOptions): Promise<Report> {
  const groups = groupRuns(runs);
  const charts = CHARTS.filter((chart) => fits(chart, runs.length));
  // The colours are those of all runs, so that a run has the same one in every chart.
  const series = seriesOfRuns(runs, groups);
  const drawn = charts.flatMap((chart) => draw(chart, runs, series, folder) ?? []);
  const specifications = new Map(drawn.map(({ chart, drawing }) => [fileName(chart), specificationJson(drawing)]));
  const sections: PageSection[] = [];
  const add = (heading: string, body: Markup | undefined) => {
    if (body !== undefined) sections.push({ id: heading.toLowerCase().replaceAll(" ", "-"), heading, body });
  };
  add("Summary", summarySection(runs, groups));
  const key = legend(series);
  for (const section of SECTIONS) {
    const body = await chartsSection(drawn, section);
    add(section, body === undefined ? undefined : markup`${key}${body}`);
  }
  add("Reviews", reviewsSection(runs));
  add("What is missing", missingSection(runs, charts));
  const lead = markup`<p class="quiet">${runs.length === 1 ? "One run" : `${runs.length} runs`}, ${
    groups.length === 1 ? "one configuration" : `${groups.length} configurations`
  }. Made by epsilon ${VERSION} report.</p>`;
  return { page: await renderPage(title, lead, sections), specifications };
}

function fits(chart: Chart, runs: number): boolean {
  return (runs === 1 || !chart.single) && (runs <= MOST_RUNS_WITH_STEPS || !chart.steps);
}

function draw(
  chart: Chart,
  runs: readonly ReportRun[],
  series: Series,
  folder: string,
): DrawnChart | undefined {
  const drawable = runs.filter((run) => chart.lack(run) === undefined);
  if (drawable.length === 0) return undefined;
  return {
    chart,
    drawing: chart.draw(drawable, series),
    runs: drawable.length,
    of: runs.length,
    specification: `${encodeURIComponent(folder)}/${fileName(chart)}`,
  };
}

function fileName({ name }: Chart): string {
  return `${name}.vl.json`;
}
