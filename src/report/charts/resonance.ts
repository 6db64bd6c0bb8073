import type { ControlRow } from "../../diagnose/resonance/controls.ts";
import { VARIANTS } from "../../diagnose/resonance/descent.ts";
import { SURFACES } from "../../diagnose/resonance/surfaces.ts";
import { meanOf } from "../statistics.ts";
import { type Drawing, drawing } from "./drawing.ts";

/** The mean loss over the seeds of each variant, a panel a surface. */
export function resonanceControls(rows: readonly ControlRow[]): Drawing {
  const titles = VARIANTS.map(({ title }) => title);
  const data = SURFACES.flatMap((surface) =>
    VARIANTS.flatMap((variant) => {
      const steps = new Map<number, number[]>();
      for (const row of rows) {
        if (row.surface !== surface.name || row.variant !== variant.name) continue;
        steps.set(row.step, [...steps.get(row.step) ?? [], row.loss]);
      }
      return [...steps].map(([step, losses]) => ({
        surface: surface.title,
        variant: variant.title,
        step,
        loss: Number(meanOf(losses).toPrecision(5)),
      }));
    })
  );
  return drawing("Stochastic resonance and its controls: mean loss over seeds", data, {
    width: undefined,
    height: undefined,
    facet: {
      column: { field: "surface", type: "nominal", title: null, sort: SURFACES.map(({ title }) => title) },
    },
    spec: {
      width: 240,
      height: 170,
      mark: { type: "line", strokeWidth: 1.4 },
      encoding: {
        x: { field: "step", type: "quantitative", title: "step", scale: { nice: false }, axis: { tickCount: 4 } },
        y: { field: "loss", type: "quantitative", title: "loss", scale: { zero: false }, axis: { tickCount: 5 } },
        color: {
          field: "variant",
          type: "nominal",
          scale: { domain: titles },
          title: null,
          legend: { orient: "bottom", columns: 2, symbolType: "stroke", symbolStrokeWidth: 3 },
        },
        // Lines that lie on each other are both seen.
        strokeDash: {
          field: "variant",
          type: "nominal",
          scale: { domain: titles, range: [[1, 0], [3, 3], [1, 0], [1, 0]] },
          legend: null,
        },
      },
    },
    resolve: { scale: { y: "independent" } },
  });
}
