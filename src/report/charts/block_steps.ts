import type { TableName } from "../instrument_tables.ts";
import { lastMeasurement, type ReportRun } from "../run.ts";
import { type Chart, lackOfInstrument, type Section } from "./chart.ts";
import { drawing, lineMark } from "./drawing.ts";
import { seriesColour } from "./series.ts";

/** Instruments that measure at each application of the block. */
type StepInstrument = Extract<TableName, "bins" | "attention" | "exits" | "jacobian">;

interface StepChart {
  readonly name: string;
  readonly section: Section;
  readonly instrument: StepInstrument;
  readonly metric: string;
  readonly title: string;
  readonly axis: string;
  readonly format?: string;
  /** Whether the axis is logarithmic: for what grows by factors. */
  readonly logarithmic?: boolean;
  readonly caption: string;
}

const HEADS = "Over the block's applications, in the last measurement; dashes tell the heads apart.";

const REVIEWS = "One line a review of each run, over the block's applications, in the last measurement.";

const STEP_CHARTS: readonly StepChart[] = [
  {
    name: "bins-active",
    section: "Attention and bins",
    instrument: "bins",
    metric: "active_bins",
    title: "Bins in use",
    axis: "bins that hold a token",
    caption: `Bins that at least one token is assigned to. ${HEADS}`,
  },
  {
    name: "bins-entropy",
    section: "Attention and bins",
    instrument: "bins",
    metric: "hard_entropy_bits",
    title: "Entropy of the hard assignment",
    axis: "bits",
    caption: `How evenly tokens spread over the bins; with 16 bins, 4 bits is even. ${HEADS}`,
  },
  {
    name: "bins-largest",
    section: "Attention and bins",
    instrument: "bins",
    metric: "largest_share",
    title: "Share of the largest bin",
    axis: "share of tokens",
    format: ".4~p",
    caption: `Share of the tokens in the fullest bin. ${HEADS}`,
  },
  {
    name: "bins-softness",
    section: "Attention and bins",
    instrument: "bins",
    metric: "soft_entropy_bits",
    title: "Entropy of a token's assignment",
    axis: "bits",
    caption: `How undecided the mean token is between the bins. ${HEADS}`,
  },
  {
    name: "attention-entropy",
    section: "Attention and bins",
    instrument: "attention",
    metric: "entropy_nats",
    title: "Attention entropy",
    axis: "nats",
    caption: `Mean entropy of the tokens' attention over the bins. ${HEADS}`,
  },
  {
    name: "attention-collapsed",
    section: "Attention and bins",
    instrument: "attention",
    metric: "collapsed_share",
    title: "Collapsed attention",
    axis: "share of tokens",
    format: ".4~p",
    caption: `Share of the tokens that look at hardly more than one bin (entropy below 0.1 ln B). ${HEADS}`,
  },
  {
    name: "attention-overloaded",
    section: "Attention and bins",
    instrument: "attention",
    metric: "overloaded_share",
    title: "Overloaded attention",
    axis: "share of tokens",
    format: ".4~p",
    caption: `Share of the tokens that look at all bins alike (entropy above 0.9 ln B). ${HEADS}`,
  },
  {
    name: "spectral-radius",
    section: "Dynamics",
    instrument: "jacobian",
    metric: "spectral_radius",
    title: "Spectral radius of the Jacobian",
    axis: "largest |eigenvalue|",
    caption: `Above 1, states that differ a little part from each other in the long run. ${REVIEWS}`,
  },
  {
    name: "singular-value",
    section: "Dynamics",
    instrument: "jacobian",
    metric: "largest_singular_value",
    title: "Largest singular value of the Jacobian",
    axis: "singular value",
    caption: `The most by which one application stretches a difference of states. ${REVIEWS}`,
  },
  {
    name: "tangent-growth",
    section: "Dynamics",
    instrument: "jacobian",
    metric: "tangent_growth",
    title: "Growth of a random difference",
    axis: "length, at first 1",
    logarithmic: true,
    caption: `A random small difference of states, carried along whether tokens halt or not. ${REVIEWS}`,
  },
  {
    name: "exits-accuracy",
    section: "Depth",
    instrument: "exits",
    metric: "accuracy",
    title: "Accuracy after each step",
    axis: "accuracy",
    format: ".4~p",
    caption: "Accuracy if the classifier read the state after each step: is more depth worth it?",
  },
  {
    name: "exits-cross-entropy",
    section: "Depth",
    instrument: "exits",
    metric: "cross_entropy",
    title: "Cross-entropy after each step",
    axis: "cross-entropy, nats",
    caption: "Cross-entropy if the classifier read the state after each step.",
  },
];

/** Charts over the applications of the block. */
export const STEP_CHART_LIST: readonly Chart[] = STEP_CHARTS.map((chart) => ({
  name: chart.name,
  section: chart.section,
  caption: chart.caption,
  instruments: [chart.instrument],
  lack: (run) =>
    lackOfInstrument(run, chart.instrument, (row) => row.metric === chart.metric && isShown(row.value, chart)),
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      measured(run, chart).map((row) => ({ run: run.label, series: series.of(run.label), ...row }))
    );
    return drawing(chart.title, rows, {
      ...chart.logarithmic ? { transform: [{ filter: "datum.value > 0" }] } : {},
      mark: lineMark(rows.length, rows.every(({ block_step }) => block_step === rows[0].block_step)),
      encoding: {
        x: { field: "block_step", type: "ordinal", title: "step", axis: { labelAngle: 0, labelOverlap: true } },
        y: {
          field: "value",
          type: "quantitative",
          title: chart.axis,
          scale: chart.logarithmic ? { type: "log", nice: false } : { zero: false },
          axis: { tickCount: 5, format: chart.format ?? ".4~g" },
        },
        color: seriesColour(series),
        ...rows.some(({ head }) => head !== null) ? { strokeDash: headDash } : {},
        detail: [{ field: "run" }, { field: "review" }],
      },
    });
  },
}));

/** Whether the chart can show the value: a logarithm wants more than nothing. */
function isShown(value: number | null, { logarithmic }: StepChart): boolean {
  return value !== null && (!logarithmic || value > 0);
}

const headDash = { field: "head", type: "ordinal", title: "head", legend: { orient: "top", symbolType: "stroke" } };

function measured(run: ReportRun, { instrument, metric }: StepChart) {
  const rows: readonly Measured[] = run.instruments[instrument] ?? [];
  return lastMeasurement(rows).filter((row) => row.metric === metric)
    .map(({ epoch, split, head = null, review = null, block_step, value }) => ({
      epoch,
      split,
      head,
      review,
      block_step,
      value,
    }));
}

interface Measured {
  readonly step: number | null;
  readonly epoch: number | null;
  readonly split: string;
  readonly head?: number;
  readonly review?: number;
  readonly block_step: number;
  readonly metric: string;
  readonly value: number | null;
}
