import { lastMeasurement } from "../run.ts";
import { type Chart, lackOfInstrument } from "./chart.ts";
import { drawing } from "./drawing.ts";
import { seriesColour } from "./series.ts";

const CIRCLE_POINTS = 72;

/** The leading eigenvalues of the block's Jacobian in the complex plane. */
export const eigenvalues: Chart = {
  name: "eigenvalues",
  section: "Dynamics",
  caption: [
    "Leading eigenvalues of the block's Jacobian at real states, all reviews and steps of the last measurement, and the",
    "unit circle: what lies outside it grows.",
  ].join(" "),
  instruments: ["eigenvalues"],
  lack: (run) => lackOfInstrument(run, "eigenvalues", ({ real, imaginary }) => real !== null && imaginary !== null),
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      lastMeasurement(run.instruments.eigenvalues ?? [])
        .map(({ epoch, split, review, block_step, index, real, imaginary }) => ({
          run: run.label,
          series: series.of(run.label),
          epoch,
          split,
          review,
          block_step,
          index,
          real,
          imaginary,
        }))
    );
    const circle = Array.from({ length: CIRCLE_POINTS + 1 }, (_, i) => {
      const angle = 2 * Math.PI * i / CIRCLE_POINTS;
      return { real: Math.cos(angle), imaginary: Math.sin(angle), order: i };
    });
    // One scale for both axes, so that the circle is round.
    const reach = rows.reduce((most, row) => Math.max(most, Math.abs(row.real ?? 0), Math.abs(row.imaginary ?? 0)), 1);
    const scale = { domain: [-1.1 * reach, 1.1 * reach], nice: false };
    return drawing("Eigenvalues of the Jacobian", rows, {
      height: 300,
      encoding: {
        x: { field: "real", type: "quantitative", title: "real part", scale },
        y: { field: "imaginary", type: "quantitative", title: "imaginary part", scale },
      },
      layer: [
        {
          data: { values: circle },
          mark: { type: "line", color: "#888888", strokeWidth: 1 },
          encoding: { order: { field: "order" } },
        },
        { mark: { type: "point", filled: true, size: 14 }, encoding: { color: seriesColour(series, "points") } },
      ],
    });
  },
};
