import type { Chart } from "./chart.ts";
import { drawing } from "./drawing.ts";
import { seriesColour } from "./series.ts";

/** The loss of single batches, as often as it was logged. */
export const trainingSteps: Chart = {
  name: "training-steps",
  section: "Learning",
  caption: "Loss of single batches, as often as --log-every wrote it; nothing is smoothed.",
  instruments: [],
  steps: true,
  lack: (run) =>
    run.steps.some(({ metric, value }) => metric === "loss" && value !== null) ? undefined : "no step rows of the loss",
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      run.steps.filter(({ metric }) => metric === "loss")
        .map(({ step, value }) => ({ run: run.label, series: series.of(run.label), step, value }))
    );
    return drawing("Loss of logged batches", rows, {
      mark: { type: "line", strokeWidth: 1, opacity: 0.8 },
      encoding: {
        x: {
          field: "step",
          type: "quantitative",
          title: "optimizer step",
          scale: { nice: false },
          axis: { tickCount: 5 },
        },
        y: {
          field: "value",
          type: "quantitative",
          title: "loss, nats",
          scale: { zero: false },
          axis: { tickCount: 5 },
        },
        color: seriesColour(series),
        detail: { field: "run" },
      },
    });
  },
};
