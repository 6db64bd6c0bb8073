import { type DataRow, type Drawing, drawing, lineMark } from "./drawing.ts";
import { type Series, seriesColour } from "./series.ts";

/** A value of one run at the end of one epoch. */
export interface EpochPoint {
  readonly run: string;
  /** From 1. */
  readonly epoch: number;
  readonly split: string;
  /** Null where it is missing: the line breaks there. */
  readonly value: number | null;
}

export interface EpochCurves {
  readonly title: string;
  /** Name and unit of the value, at the axis. */
  readonly axis: string;
  /** d3 format of the axis' numbers, for example `.4~p`; four figures unless given. */
  readonly format?: string;
}

/**
 * A line for each run and split over the epochs: validation drawn through, training dashed. Points are marked where
 * they are few, or where one stands alone and no line would show it.
 */
export function epochCurves(points: readonly EpochPoint[], series: Series, look: EpochCurves): Drawing {
  const rows = points.map(({ run, epoch, split, value }) => ({ run, series: series.of(run), epoch, split, value }));
  const last = rows.reduce((epoch, row) => Math.max(epoch, row.epoch), 1);
  const splits = ["validation", "test", "train"].filter((split) => rows.some((row) => row.split === split));
  const dashes = { validation: [1, 0], test: [6, 2], train: [2, 3] };
  return drawing(look.title, rows satisfies DataRow[], {
    mark: lineMark(rows.length, standsAlone(points)),
    encoding: {
      x: {
        field: "epoch",
        type: "quantitative",
        title: "epoch",
        scale: { domain: [Math.min(1, last - 1), last], nice: false },
        axis: { tickMinStep: 1, format: "d", tickCount: 6 },
      },
      y: {
        field: "value",
        type: "quantitative",
        title: look.axis,
        scale: { zero: false },
        axis: { tickCount: 5, format: look.format ?? ".4~g" },
      },
      color: seriesColour(series),
      strokeDash: {
        field: "split",
        type: "nominal",
        title: null,
        scale: { domain: splits, range: splits.map((split) => dashes[split as keyof typeof dashes]) },
        legend: splits.length > 1 ? { orient: "top", symbolType: "stroke" } : null,
      },
      detail: { field: "run" },
    },
  });
}

function standsAlone(points: readonly EpochPoint[]): boolean {
  const key = ({ run, split }: EpochPoint, epoch: number) => JSON.stringify([run, split, epoch]);
  const present = new Set(points.filter(({ value }) => value !== null).map((point) => key(point, point.epoch)));
  return points.some((point) =>
    point.value !== null && !present.has(key(point, point.epoch - 1)) && !present.has(key(point, point.epoch + 1))
  );
}
