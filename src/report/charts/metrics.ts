import type { ReportRun } from "../run.ts";
import { type Chart, lackOfMetric, type Section } from "./chart.ts";
import { type EpochCurves, epochCurves, type EpochPoint } from "./epoch_curves.ts";

interface MetricChart extends EpochCurves {
  readonly name: string;
  readonly section: Section;
  readonly metric: string;
  readonly caption: string;
}

const THROUGH_AND_DASHED = "Solid: validation; dashed: training.";

const METRIC_CHARTS: readonly MetricChart[] = [
  {
    name: "accuracy",
    section: "Learning",
    metric: "accuracy",
    title: "Accuracy per epoch",
    axis: "accuracy",
    format: ".4~p",
    caption: `Share of reviews that are classified rightly. ${THROUGH_AND_DASHED}`,
  },
  {
    name: "loss",
    section: "Learning",
    metric: "loss",
    title: "Loss per epoch",
    axis: "loss, nats",
    caption: `The whole objective, with its regularizing terms. ${THROUGH_AND_DASHED}`,
  },
  {
    name: "cross-entropy",
    section: "Learning",
    metric: "task_loss",
    title: "Cross-entropy per epoch",
    axis: "cross-entropy, nats",
    caption: `The task's part of the loss, which compares across models. ${THROUGH_AND_DASHED}`,
  },
  {
    name: "gradient",
    section: "Learning",
    metric: "grad_norm",
    title: "Gradient norm per epoch",
    axis: "mean norm before clipping",
    caption: "Mean over the epoch's optimizer steps of the gradient's norm, before it is clipped.",
  },
  {
    name: "seconds",
    section: "Learning",
    metric: "seconds",
    title: "Seconds per epoch",
    axis: "seconds",
    caption: `Measured by a clock; compare runs of one machine only. ${THROUGH_AND_DASHED}`,
  },
  {
    name: "depth",
    section: "Depth",
    metric: "halting_depth_mean",
    title: "Mean halting depth per epoch",
    axis: "mean depth (steps − 1)",
    caption: `Mean over tokens of the block's applications less one, as the paper counts. ${THROUGH_AND_DASHED}`,
  },
  {
    name: "ece",
    section: "Calibration",
    metric: "ece",
    title: "Expected calibration error per epoch",
    axis: "calibration error",
    format: ".4~p",
    caption: "Mean distance between confidence and accuracy over 15 confidence bins, on the validation reviews.",
  },
];

/** Charts of a metric over the epochs. */
export const METRIC_CHART_LIST: readonly Chart[] = METRIC_CHARTS.map((chart) => ({
  name: chart.name,
  section: chart.section,
  caption: chart.caption,
  instruments: [],
  lack: (run) => lackOfMetric(run, chart.metric),
  draw: (runs, series) => epochCurves(runs.flatMap((run) => pointsOf(run, chart.metric)), series, chart),
}));

/** The values of `metric` at the ends of a run's epochs, for `epochCurves`. */
export function pointsOf(run: ReportRun, metric: string): EpochPoint[] {
  return run.epochs.filter((row) => row.metric === metric)
    .map(({ epoch, split, value }) => ({ run: run.label, epoch, split, value }));
}
