import { lastMeasurement, type ReportRun } from "../run.ts";
import { bestEpoch } from "../summary.ts";
import { type Chart, lackOfMetric } from "./chart.ts";
import { drawing } from "./drawing.ts";
import { seriesColour } from "./series.ts";

interface Point {
  readonly kind: "best epoch" | "threshold";
  readonly threshold: number | null;
  readonly steps: number | null;
  readonly accuracy: number | null;
}

/** The run's best epoch, and one point for each halting threshold that was tried. */
function pointsOf(run: ReportRun): Point[] {
  const tried = lastMeasurement(run.instruments.threshold ?? []);
  const thresholds = [...new Set(tried.map(({ threshold }) => threshold))];
  const value = (threshold: number | null, metric: string) =>
    tried.find((row) => row.threshold === threshold && row.metric === metric)?.value ?? null;
  const best = bestEpoch(run);
  return [
    ...best === undefined ? [] : [{
      kind: "best epoch" as const,
      threshold: null,
      steps: best.validation.get("halting_steps_mean") ?? null,
      accuracy: best.accuracy,
    }],
    ...thresholds.map((threshold): Point => ({
      kind: "threshold",
      threshold,
      steps: value(threshold, "halting_steps_mean"),
      accuracy: value(threshold, "accuracy"),
    })),
  ];
}

const LAYERS: readonly { readonly kind: Point["kind"]; readonly mark: unknown }[] = [
  { kind: "threshold", mark: { type: "line", point: { size: 16, filled: true } } },
  { kind: "best epoch", mark: { type: "point", shape: "diamond", filled: true, size: 90, opacity: 1 } },
];

/** Accuracy against the mean number of block applications a token gets. */
export const compute: Chart = {
  name: "compute",
  section: "Depth",
  caption: [
    "Validation accuracy against the mean number of steps a token gets. The diamond is the best epoch; lines, where",
    "threshold.csv is there, are the halting thresholds that evaluate --halt-threshold tried.",
  ].join(" "),
  instruments: ["threshold"],
  lack: (run) => lackOfMetric(run, "halting_steps_mean"),
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      pointsOf(run).map((point) => ({ run: run.label, series: series.of(run.label), ...point }))
    );
    const color = seriesColour(series, "points");
    return drawing("Accuracy against compute", rows, {
      encoding: {
        x: {
          field: "steps",
          type: "quantitative",
          title: "mean steps a token",
          scale: { zero: false, padding: 12 },
          axis: { tickCount: 6, format: ".4~g" },
        },
        y: {
          field: "accuracy",
          type: "quantitative",
          title: "accuracy",
          scale: { zero: false, padding: 10 },
          axis: { format: ".4~p", tickCount: 5 },
        },
        color,
        detail: { field: "run" },
      },
      layer: LAYERS.filter(({ kind }) => rows.some((row) => row.kind === kind)).map(({ kind, mark }) => ({
        transform: [{ filter: `datum.kind === '${kind}'` }],
        mark,
      })),
    });
  },
};
