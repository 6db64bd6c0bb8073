import { type MeasureName, WINDOW } from "../../diagnose/provocation/measures.ts";
import { type Drawing, drawing } from "../charts/drawing.ts";
import { SERIES_COLOURS } from "../theme.ts";
import type { AblationRun } from "./runs.ts";
import type { MeanCurvePoint } from "./summary.ts";

/** A chart and the name of its files. */
export interface NamedDrawing {
  readonly name: string;
  readonly drawing: Drawing;
}

/** Measures that the dots show, with what their axes say. */
const DOTS: readonly (readonly [MeasureName, string])[] = [
  ["loss_area", "excess loss behind the shift, nats · steps"],
  ["loss_final", `loss over the last ${WINDOW} steps, nats`],
  ["weight_norm_max", "largest weight norm"],
  ["accuracy_final", "final accuracy, own distribution"],
  ["shifted_accuracy_final", "final accuracy, shifted distribution"],
];

/** What tells how the training aids work, as far as they are on; curves.csv has the rest. */
const SIGNALS = ["sr_gain", "ars_rho1", "ars_entropy", "ars_psi", "ars_phi"];

/** The charts of an ablation: those that have something to show. */
export function ablationCharts(runs: readonly AblationRun[], curves: readonly MeanCurvePoint[]): NamedDrawing[] {
  const arms = [...new Set(runs.map(({ arm }) => arm))];
  const shifts = [...new Map(runs.map(({ scenario, shiftStep }) => [scenario, shiftStep]))];
  const signals = SIGNALS.filter((signal) => curves.some(({ metric }) => metric === signal));
  const charts: (NamedDrawing | undefined)[] = [
    curveChart("loss", "task_loss", "Loss of training batches, mean over seeds", "cross-entropy, nats"),
    curveChart("weight-norm", "weight_norm", "Norm of the weights, mean over seeds", "‖W‖"),
    signals.length === 0 ? undefined : {
      name: "signals",
      drawing: curveDrawing("Signals of the training aids, mean over seeds", signals, "", "metric"),
    },
    dotChart(),
  ];
  return charts.filter((chart) => chart !== undefined);

  function curveChart(name: string, metric: string, title: string, axis: string): NamedDrawing | undefined {
    if (!curves.some((point) => point.metric === metric)) return undefined;
    return { name, drawing: curveDrawing(title, [metric], axis, undefined) };
  }

  function curveDrawing(title: string, metrics: readonly string[], axis: string, row: "metric" | undefined): Drawing {
    const rows = [
      ...curves.filter(({ metric }) => metrics.includes(metric)).map(({ scenario, arm, metric, step, mean }) => //
      ({ scenario, arm, metric, step, value: Number(mean.toPrecision(4)), shift: null })),
      ...shifts.flatMap(([scenario, shift]) =>
        metrics.filter((metric) => curves.some((point) => point.scenario === scenario && point.metric === metric))
          .map((metric) => ({ scenario, arm: null, metric, step: null, value: null, shift }))
      ),
    ];
    const x = { field: "step", type: "quantitative", title: "optimizer step", scale: { nice: false } };
    const line = {
      transform: [{ filter: "datum.arm !== null" }],
      mark: { type: "line", strokeWidth: 1.3 },
      encoding: {
        x: { ...x, axis: { tickCount: 4 } },
        y: { field: "value", type: "quantitative", title: axis, scale: { zero: false }, axis: { tickCount: 5 } },
        ...armEncoding(arms),
      },
    };
    const rule = {
      transform: [{ filter: "datum.shift !== null" }],
      mark: { type: "rule", strokeDash: [4, 3] },
      encoding: { x: { field: "shift", type: "quantitative" } },
    };
    const panel = { width: 230, height: 150, layer: [line, rule] };
    return drawing(title, rows, {
      width: undefined,
      height: undefined,
      facet: {
        column: { field: "scenario", type: "nominal", title: null, sort: shifts.map(([scenario]) => scenario) },
        ...row === undefined ? {} : { row: { field: row, type: "nominal", title: null, sort: [...metrics] } },
      },
      spec: panel,
      resolve: { scale: { y: "independent" }, axis: { x: "independent" } },
    });
  }

  function dotChart(): NamedDrawing | undefined {
    const rows = DOTS.flatMap(([measure, title]) =>
      runs.flatMap(({ scenario, arm, seed, measures }) => {
        const value = measures[measure];
        return value === null ? [] : [{ scenario, arm, seed, measure: title, value: Number(value.toPrecision(5)) }];
      })
    );
    if (rows.length === 0) return undefined;
    const y = { field: "arm", type: "nominal", title: null, sort: arms };
    const value = { type: "quantitative", title: null, scale: { zero: false }, axis: { tickCount: 4 } };
    const panel = {
      width: 150,
      height: { step: 15 },
      layer: [
        {
          mark: { type: "point", size: 14, filled: true, opacity: 0.6 },
          encoding: { x: { field: "value", ...value }, y },
        },
        {
          mark: { type: "tick", thickness: 2, size: 11 },
          encoding: { x: { field: "value", aggregate: "mean", ...value }, y },
        },
      ],
    };
    const measured = DOTS.map(([, title]) => title);
    return {
      name: "seeds",
      drawing: drawing("Each seed, and the mean of an arm", rows, {
        width: undefined,
        height: undefined,
        facet: {
          column: { field: "measure", type: "nominal", title: null, sort: measured, header: { labelFontSize: 9 } },
          row: { field: "scenario", type: "nominal", title: null, sort: shifts.map(([scenario]) => scenario) },
        },
        spec: panel,
        resolve: { scale: { x: "independent", y: "independent" } },
      }),
    };
  }
}

/** Arms are told apart by colour, and by dashes where there are more of them than colours. */
function armEncoding(arms: readonly string[]): Readonly<Record<string, unknown>> {
  const dashes = [[1, 0], [6, 2], [2, 2], [8, 2, 2, 2]];
  const dashed = arms.map((_, i) => dashes[Math.floor(i / SERIES_COLOURS) % dashes.length]);
  const legend = { orient: "bottom", columns: 5, symbolType: "stroke", symbolStrokeWidth: 2 };
  return {
    color: { field: "arm", type: "nominal", scale: { domain: arms }, title: null, legend },
    strokeDash: { field: "arm", type: "nominal", scale: { domain: arms, range: dashed }, title: null, legend },
  };
}
