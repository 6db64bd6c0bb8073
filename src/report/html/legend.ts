import type { Series } from "../charts/series.ts";
import { SERIES_COLOURS } from "../theme.ts";
import { type Markup, markup } from "./markup.ts";

/** Style rules of the legend's colours. */
export const SWATCHES = Array.from(
  { length: SERIES_COLOURS },
  (_, i) => `.s${i}{background:var(--series-${i})}`,
).join("\n");

/** What each colour of the page's charts stands for. */
export function legend({ domain }: Series): Markup {
  if (domain.length < 2) return markup``;
  return markup`<ul class="legend">${
    domain.map((name, i) => markup`<li><span class="swatch s${i % SERIES_COLOURS}"></span>${name}</li>`)
  }</ul>`;
}
