import { writeFileAtomically } from "../files/atomic.ts";
import { escapedJson } from "../files/escaped_json.ts";
import { renderSvg } from "../libraries/charts.ts";
import type { Drawing } from "./charts/drawing.ts";
import { PAGE_THEME, PAPER_THEME } from "./theme.ts";

/** The chart as an SVG file of its own: dark on white, with title and legend. */
export function renderFile({ spec }: Drawing): Promise<string> {
  return renderSvg(spec, PAPER_THEME);
}

/**
 * The chart as an SVG element for a page that sets `PAGE_COLOURS`, without title and legend, which the page gives once
 * for all. Its size is its own; styles of the page make it fit.
 */
export function renderInline({ spec }: Drawing): Promise<string> {
  return renderSvg(withoutLegends({ ...spec, title: undefined }) as typeof spec, PAGE_THEME);
}

/** The same specification, every `legend` in it switched off. */
function withoutLegends(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutLegends);
  if (typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).map(([key, value]) => {
    if (key === "data") return [key, value];
    return [key, key === "legend" ? null : withoutLegends(value)];
  });
  return Object.fromEntries(entries);
}

/** The chart's specification with its data and looks, as a file for any Vega tool. */
export function specificationJson({ spec }: Drawing): string {
  return `${escapedJson({ ...spec, config: PAPER_THEME })}\n`;
}

/** Name of the specification that belongs to the chart `path`: `depth.svg` → `depth.vl.json`. */
export function specificationPath(path: string): string {
  return `${path.replace(/\.svg$/i, "")}.vl.json`;
}

/** Writes the chart to `path` and its specification beside it, each as a whole or not at all; throws DataError. */
export async function saveChart(path: string, drawing: Drawing): Promise<void> {
  const svg = await renderFile(drawing);
  await writeFileAtomically(specificationPath(path), specificationJson(drawing));
  await writeFileAtomically(path, svg);
}
