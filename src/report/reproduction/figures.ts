import { type DataRow, type Drawing, drawing } from "../charts/drawing.ts";
import { seriesColour } from "../charts/series.ts";
import { meanOf } from "../statistics.ts";
import { PAPER } from "./paper.ts";
import type { ReproducedRun } from "./results.ts";

/** A figure of the reproduction and the name of its files. */
export interface Figure {
  readonly name: string;
  readonly drawing: Drawing;
}

interface Look {
  readonly name: string;
  readonly metric: string;
  readonly title: string;
  readonly axis: string;
  readonly format?: string;
  /** Horizontal lines: what the paper reports. */
  readonly paper: readonly { readonly label: string; readonly value: number }[];
}

const LOOKS: readonly Look[] = [
  {
    name: "depth",
    metric: "halting_depth_mean",
    title: "Mean halting depth per epoch",
    axis: "mean depth (steps − 1)",
    paper: [{ label: "paper, at the end", value: PAPER.epsilon.depth ?? NaN }],
  },
  {
    name: "accuracy",
    metric: "accuracy",
    title: "Validation accuracy per epoch",
    axis: "accuracy",
    format: ".0%",
    paper: [
      { label: "paper, Epsilon, best", value: PAPER.epsilon.accuracy },
      { label: "paper, vanilla, best", value: PAPER.vanilla.accuracy },
    ],
  },
  {
    name: "cross-entropy",
    metric: "task_loss",
    title: "Validation cross-entropy per epoch",
    axis: "cross-entropy, nats",
    paper: [],
  },
];

/**
 * The paper's figures: depth, validation accuracy and loss over the epochs, a thin line for each run and a thick one for
 * the mean over a variant's seeds. Figures for which no run has a value are left out.
 */
export function reproductionFigures(runs: readonly ReproducedRun[]): Figure[] {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  return LOOKS.flatMap((look) => {
    const rows = variants.flatMap((variant) => curves(runs.filter((run) => run.variant === variant), look.metric));
    return rows.length === 0 ? [] : [{ name: look.name, drawing: draw(look, rows, variants) }];
  });
}

/**
 * One row a run and epoch that has a value. The mean over the runs stands beside it at the epochs that all of them
 * have: over ever fewer runs it would move with the ones that stop.
 */
function curves(runs: readonly ReproducedRun[], metric: string): DataRow[] {
  const values = runs.map(({ run }) =>
    new Map(
      run.epochs.flatMap((row) =>
        row.split === "validation" && row.metric === metric && row.value !== null ? [[row.epoch, row.value]] : []
      ),
    )
  );
  return runs.flatMap(({ variant, seed }, own) =>
    [...values[own]].map(([epoch, value]) => {
      const all = values.flatMap((others) => others.get(epoch) ?? []);
      return { series: variant, seed, epoch, value, mean: all.length === runs.length ? meanOf(all) : null };
    })
  );
}

function draw({ title, axis, format, paper }: Look, rows: readonly DataRow[], variants: readonly string[]): Drawing {
  const channel = seriesColour({ domain: variants, of: (variant) => variant });
  // A model has the same colour in every figure, and an entry where it has a line; not in the thin lines' faint colour.
  const values = variants.filter((variant) => rows.some(({ series }) => series === variant));
  const color = channel.legend === null
    ? channel
    : { ...channel, legend: { ...channel.legend as object, values, symbolOpacity: 1 } };
  const y = {
    type: "quantitative",
    title: axis,
    scale: { zero: false },
    axis: { tickCount: 5, ...format === undefined ? {} : { format } },
  };
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    scale: { zero: false, nice: false },
    axis: { tickMinStep: 1, format: "d", tickCount: 6 },
  };
  const alone = new Set(rows.map(({ epoch }) => epoch)).size === 1;
  const line = { type: "line", ...alone ? { point: { filled: true } } : {} };
  return drawing(title, rows, {
    layer: [
      {
        mark: { ...line, strokeWidth: 0.9, opacity: 0.55 },
        encoding: { x, y: { ...y, field: "value" }, detail: { field: "seed" }, color },
      },
      {
        transform: [{ filter: "datum.mean !== null" }],
        mark: { ...line, strokeWidth: 2 },
        encoding: { x, y: { ...y, field: "mean", aggregate: "min" }, color },
      },
      ...paper.map(({ label, value }) => ({
        data: { values: [{ value, label }] },
        layer: [
          { mark: { type: "rule", strokeDash: [4, 3] }, encoding: { y: { ...y, field: "value" } } },
          {
            mark: { type: "text", align: "right", baseline: "bottom", dy: -2 },
            encoding: { x: { value: "width" }, y: { ...y, field: "value" }, text: { field: "label" } },
          },
        ],
      })),
    ],
  });
}
