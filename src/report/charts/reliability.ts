import { lastMeasurement, type ReportRun } from "../run.ts";
import { type Chart, lackOfInstrument } from "./chart.ts";
import { drawing } from "./drawing.ts";
import { seriesColour } from "./series.ts";

/** The finest table of the last measurement, without its empty bins. */
function binsOf(run: ReportRun) {
  const rows = lastMeasurement(run.instruments.reliability ?? []);
  const finest = rows.reduce((most, { bins }) => Math.max(most, bins), 0);
  return rows.filter(({ bins, count }) => bins === finest && count > 0);
}

/** Accuracy against confidence, bin by bin. */
export const reliability: Chart = {
  name: "reliability",
  section: "Calibration",
  caption: [
    "Accuracy of the reviews in each bin of confidence; on the grey diagonal a model knows how sure it may be, below it",
    "is too sure. The larger a point, the more reviews.",
  ].join(" "),
  instruments: ["reliability"],
  lack: (run) => lackOfInstrument(run, "reliability", ({ count }) => count > 0),
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      binsOf(run).map(({ bins, bin, confidence, accuracy, count }) => ({
        run: run.label,
        series: series.of(run.label),
        bins,
        bin,
        confidence,
        accuracy,
        count,
      }))
    );
    const x = {
      field: "confidence",
      type: "quantitative",
      title: "confidence",
      axis: { format: ".4~p", tickCount: 6 },
    };
    const y = { field: "accuracy", type: "quantitative", title: "accuracy", axis: { format: ".4~p", tickCount: 6 } };
    const lowest = Math.min(0.5, ...rows.flatMap(({ confidence, accuracy }) => [confidence ?? 1, accuracy ?? 1]));
    const scale = { domain: [Math.floor(lowest * 10) / 10, 1], nice: false };
    const ends = scale.domain.map((end) => ({ confidence: end, accuracy: end }));
    return drawing("Reliability", rows, {
      encoding: { x: { ...x, scale }, y: { ...y, scale } },
      layer: [
        { data: { values: ends }, mark: { type: "line", color: "#888888", strokeDash: [4, 3], strokeWidth: 1 } },
        { mark: { type: "line", opacity: 0.7 }, encoding: { color: seriesColour(series), detail: { field: "run" } } },
        {
          mark: { type: "point", filled: true, opacity: 1 },
          encoding: {
            color: seriesColour(series),
            size: { field: "count", type: "quantitative", scale: { range: [12, 160] }, legend: null },
          },
        },
      ],
    });
  },
};
