import type { Chart, Section } from "../charts/chart.ts";
import type { Drawing } from "../charts/drawing.ts";
import { renderInline } from "../render.ts";
import { escapeText, Markup, markup } from "./markup.ts";
import { dataTable } from "./tables.ts";

/** A chart that is drawn on the page. */
export interface DrawnChart {
  readonly chart: Chart;
  readonly drawing: Drawing;
  /** Runs that are in it, of how many. */
  readonly runs: number;
  readonly of: number;
  /** Relative address of its specification. */
  readonly specification: string;
}

/** Rows of data that are shown as a table below a chart. */
const MOST_ROWS = 600;

/** The charts of `section` side by side, or undefined when it has none. */
export async function chartsSection(drawn: readonly DrawnChart[], section: Section): Promise<Markup | undefined> {
  const figures: Markup[] = [];
  for (const chart of drawn) if (chart.chart.section === section) figures.push(await figure(chart));
  return figures.length === 0 ? undefined : markup`<div class="charts">
${figures}</div>`;
}

async function figure({ chart, drawing, runs, of, specification }: DrawnChart): Promise<Markup> {
  const svg = await renderInline(drawing);
  const named = svg.replace("<svg ", () => `<svg role="img" aria-label="${escapeText(drawing.title)}" `);
  const { rows } = drawing;
  const link = markup`<a href="${specification}">Vega-Lite</a>`;
  const data = rows.length > MOST_ROWS
    ? markup`<p class="quiet">${rows.length} rows of data: in the specification.</p>`
    : markup`<details><summary>Data</summary>${dataTable(rows)}</details>`;
  const left = runs < of ? ` ${of - runs} of ${of} runs are not in it.` : null;
  return markup`<figure id="${chart.name}"><h3>${drawing.title}</h3>
${new Markup(named)}
<figcaption>${chart.caption}${left} ${link}</figcaption>
${data}
</figure>
`;
}
