import { lastMeasurement } from "../run.ts";
import { type Chart, lackOfInstrument } from "./chart.ts";
import { drawing } from "./drawing.ts";

/** Which classes are taken for which. */
export const confusion: Chart = {
  name: "confusion",
  section: "Predictions",
  caption: "Reviews by their class and the class they are taken for, in the last measurement.",
  instruments: ["confusion"],
  single: true,
  lack: (run) => lackOfInstrument(run, "confusion"),
  draw([run]) {
    const cells = lastMeasurement(run.instruments.confusion ?? []);
    const total = new Map<string, number>();
    for (const { actual, count } of cells) total.set(actual, (total.get(actual) ?? 0) + count);
    const rows = cells.map(({ epoch, split, actual, predicted, count }) => {
      const reviews = total.get(actual) ?? 0;
      return { run: run.label, epoch, split, actual, predicted, count, share: reviews > 0 ? count / reviews : null };
    });
    return drawing("Confusion", rows, {
      encoding: {
        x: { field: "predicted", type: "nominal", title: "taken for", axis: { labelAngle: 0, orient: "top" } },
        y: { field: "actual", type: "nominal", title: "class" },
      },
      layer: [
        {
          mark: { type: "rect" },
          encoding: {
            fillOpacity: {
              field: "share",
              type: "quantitative",
              scale: { domain: [0, 1], range: [0.04, 0.6] },
              legend: null,
            },
          },
        },
        {
          mark: { type: "text", fontSize: 14 },
          encoding: { text: { field: "count", type: "quantitative", format: "," } },
        },
      ],
    });
  },
};
