import type { ChartTheme } from "../libraries/charts.ts";

/** Colours that a chart is made of. */
interface Palette {
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly paper: string;
  /** Colours of the series, told apart by people who see few colours too (after Okabe and Ito). */
  readonly series: readonly string[];
}

/** Series that have a colour of their own. */
export const SERIES_COLOURS = 8;

const LIGHT: Palette = {
  ink: "#1c1e21",
  quiet: "#5a6068",
  line: "#d9dce0",
  paper: "#ffffff",
  series: ["#0067b1", "#c4560a", "#00805e", "#a63a86", "#8a6a00", "#3f7fb5", "#7a4a2b", "#5c5f66"],
};

const DARK: Palette = {
  ink: "#e8eaed",
  quiet: "#a3a9b2",
  line: "#3a3f47",
  paper: "#16181c",
  series: ["#5db4f5", "#f5955a", "#3fc9a0", "#e48bca", "#e0c04a", "#9cc7ec", "#c99a78", "#b4b8bf"],
};

/** Style properties of a page; the charts of `PAGE_THEME` take their colours from them. */
const VARIABLES: Palette = {
  ink: "var(--ink)",
  quiet: "var(--quiet)",
  line: "var(--line)",
  paper: "none",
  series: LIGHT.series.map((_, i) => `var(--series-${i})`),
};

function themeOf({ ink, quiet, line, paper, series }: Palette): ChartTheme {
  return {
    // Each mark's own description would be most of the file; a page describes the chart as a whole.
    aria: false,
    background: paper,
    font: "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif",
    padding: 4,
    view: { stroke: line },
    title: { color: ink, fontSize: 13, fontWeight: 600, anchor: "start" },
    axis: {
      domainColor: line,
      gridColor: line,
      tickColor: line,
      labelColor: quiet,
      titleColor: quiet,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: "normal",
      gridOpacity: 0.6,
    },
    legend: {
      labelColor: ink,
      titleColor: quiet,
      labelFontSize: 11,
      titleFontSize: 11,
      labelLimit: 340,
    },
    header: { labelColor: ink, titleColor: quiet },
    range: { category: [...series] },
    line: { strokeWidth: 1.6 },
    rule: { color: quiet },
    text: { color: ink, fontSize: 11 },
    bar: { color: series[0] },
    rect: { color: series[0] },
    point: { color: series[0] },
  };
}

/** For files of their own: dark on white, as papers want it. */
export const PAPER_THEME: ChartTheme = themeOf(LIGHT);

/** For a page that sets `PAGE_COLOURS`: its charts follow the reader's choice of light or dark. */
export const PAGE_THEME: ChartTheme = themeOf(VARIABLES);

/** Style rules that give the page's colours, the light ones first. */
export const PAGE_COLOURS = [
  `:root{color-scheme:light dark;${properties(LIGHT)}}`,
  `@media (prefers-color-scheme:dark){:root{${properties(DARK)}}}`,
  // Paper is white whatever the screen is.
  `@media print{:root{${properties(LIGHT)}}}`,
].join("\n");

function properties({ ink, quiet, line, paper, series }: Palette): string {
  const colours = series.map((colour, i) => `--series-${i}:${colour}`);
  return [`--ink:${ink}`, `--quiet:${quiet}`, `--line:${line}`, `--paper:${paper}`, ...colours].join(";");
}
