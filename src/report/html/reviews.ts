import type { InstrumentRow } from "../instrument_tables.ts";
import type { ReportRun } from "../run.ts";
import { type Markup, markup } from "./markup.ts";

type Token = InstrumentRow<"tokens">;

/** Reviews on the page, all runs together. */
const MOST_REVIEWS = 12;

/** Tokens of a review that are shown. */
const MOST_TOKENS = 600;

const LEVELS = 8;

/** Style rules of the shades, which stay readable under text at every level. */
export const SHADES = Array.from(
  { length: LEVELS + 1 },
  (_, level) =>
    `.d${level}{background:color-mix(in srgb,var(--series-0) ${Math.round(50 * level / LEVELS)}%,transparent)}`,
).join("\n");

/** Reviews with their tokens shaded by the step at which each halted, or undefined when no run has any. */
export function reviewsSection(runs: readonly ReportRun[]): Markup | undefined {
  const shown = runs.filter(({ instruments: { tokens = [] } }) => tokens.length > 0).slice(0, MOST_REVIEWS);
  if (shown.length === 0) return undefined;
  const each = Math.floor(MOST_REVIEWS / shown.length);
  return markup`${shown.map((run) => reviewsOf(run, each))}`;
}

function reviewsOf(run: ReportRun, most: number): Markup {
  const tokens = run.instruments.tokens ?? [];
  const deepest = run.record?.model.maxLayers ?? tokens.reduce((steps, token) => Math.max(steps, token.steps), 1);
  const reviews = [...new Set(tokens.map(({ review }) => review))].slice(0, most);
  const level = (steps: number) => Math.round(LEVELS * Math.min(1, (steps - 1) / Math.max(1, deepest - 1)));
  const [{ epoch, split }] = tokens;
  const place = `${split}${epoch === null ? "" : `, epoch ${epoch}`}`;
  const scale = Array.from({ length: deepest }, (_, i) => markup`<i class="d${level(i + 1)}">${i + 1}</i> `);
  return markup`<h3>${run.label}</h3>
<p class="quiet">${reviews.length} of ${run.tokenReviews} reviews in tokens.csv, ${place}. The darker a token, the later it
halts; point at it for its step.</p>
<p class="scale">${scale}<span class="quiet">steps</span></p>
${reviews.map((review) => reviewOf(tokens.filter((token) => token.review === review), level))}`;
}

function reviewOf(tokens: readonly Token[], level: (steps: number) => number): Markup {
  const [{ review, label, predicted }] = tokens;
  const wrongly = label === predicted ? null : markup` <b>wrongly</b>`;
  const beyond = tokens.length - MOST_TOKENS;
  const words = tokens.slice(0, MOST_TOKENS).map(({ token, steps }, i) => {
    const attached = i > 0 && token.startsWith("##") && token.length > 2;
    const gap = attached || i === 0 ? null : " ";
    return markup`${gap}<i class="d${level(steps)}" title="${steps}">${attached ? token.slice(2) : token}</i>`;
  });
  const rest = beyond > 0 ? ` … and ${beyond} more tokens` : null;
  const taken = predicted === "" ? "nothing" : predicted;
  return markup`<p class="review"><b>Review ${review}</b>, class ${label}, taken for ${taken}${wrongly}<br>${words}${rest}</p>
`;
}
