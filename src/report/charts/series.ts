import { SERIES_COLOURS } from "../theme.ts";

/** How lines are told apart. */
export interface Series {
  /** Entries of the legend, in the order of their colours. */
  readonly domain: readonly string[];
  /** The entry of each run, by its label. */
  readonly of: (run: string) => string;
}

/** The entry of all runs when there are more than colours. */
const ALL = "all runs";

/** One colour a run while there are enough; otherwise one a group (`groupOf`); otherwise one for all. */
export function seriesOf(runs: readonly string[], groupOf: (run: string) => string = () => ALL): Series {
  if (runs.length <= SERIES_COLOURS) return { domain: runs, of: (run) => run };
  const groups = [...new Set(runs.map(groupOf))];
  return groups.length <= SERIES_COLOURS ? { domain: groups, of: groupOf } : { domain: [ALL], of: () => ALL };
}

/** The colour channel of a chart whose rows have a `series`; the legend shows what the marks are. */
export function seriesColour(
  { domain }: Series,
  marks: "lines" | "points" = "lines",
): Readonly<Record<string, unknown>> {
  const symbol = marks === "lines"
    ? { symbolType: "stroke", symbolStrokeWidth: 3 }
    : { symbolType: "circle", symbolStrokeWidth: 0 };
  return {
    field: "series",
    type: "nominal",
    scale: { domain },
    title: null,
    legend: domain.length > 1 ? { orient: "bottom", direction: "vertical", columns: 1, ...symbol } : null,
  };
}
