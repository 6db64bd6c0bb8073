import type { ChartSpec } from "../../libraries/charts.ts";

/** A row of the data of a chart; null where there is no value. */
export type DataRow = Readonly<Record<string, string | number | null>>;

/** A chart ready to be drawn. */
export interface Drawing {
  readonly title: string;
  /** What the spec draws: one flat table. */
  readonly rows: readonly DataRow[];
  /** Holds title and rows. */
  readonly spec: ChartSpec;
}

/** What a chart adds to the frame: marks and encodings. */
type Marks = Readonly<Record<string, unknown>>;

/** Size of the drawn area in pixels: three stand side by side on a desk, one on a telephone. */
export const WIDTH = 300;
export const HEIGHT = 190;

/** A chart of `rows`; `marks` are Vega-Lite's `mark`, `layer`, `encoding`, `transform` and sizes other than ours. */
export function drawing(title: string, rows: readonly DataRow[], marks: Marks): Drawing {
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title,
    width: WIDTH,
    height: HEIGHT,
    data: { values: rows },
    ...marks,
  };
  return { title, rows, spec: spec as unknown as ChartSpec };
}

/** Most points that are marked beside their lines. */
const MARKED = 300;

/** A line, its points marked where they are few, or where `alone` says that some point has no line to show it. */
export function lineMark(points: number, alone: boolean): Readonly<Record<string, unknown>> {
  return { type: "line", ...points <= MARKED || alone ? { point: { size: 16, filled: true } } : {} };
}
