import { styleText } from "node:util";
import type { Curve, FollowedRun } from "../metrics/followed_run.ts";
import { textChart, type TextSeries } from "../report/text_chart.ts";
import { formatCount, formatDuration } from "./format.ts";
import { visible } from "./output.ts";

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  /** Whether more than ASCII can be shown. */
  readonly unicode: boolean;
}

/** Lines of a chart, its title included, below which it says little. */
const LEAST_CHART = 6;

/** Where a run stands and as many of its curves as fit, in lines of at most `columns` characters. */
export function watchFrame(run: FollowedRun, metrics: readonly string[], options: FrameOptions): string[] {
  const { columns, rows } = options;
  const heading = headingOf(run).map((line) => line.slice(0, columns));
  const there = metrics.filter((metric) =>
    curvesOf(run, metric).some(({ curve: { steps, epochs } }) => steps.length + epochs.length > 0)
  );
  const room = rows - heading.length - 1;
  const drawn = there.slice(0, Math.max(1, Math.floor(room / LEAST_CHART)));
  const height = Math.max(LEAST_CHART, Math.floor(room / Math.max(1, drawn.length)));
  const charts = drawn.flatMap((metric) => chartOf(run, metric, { ...options, rows: height }));
  const left = there.slice(drawn.length);
  return [
    ...heading,
    ...charts.length > 0 ? charts : ["Nothing is logged yet"],
    ...left.length > 0 ? [`Higher lines show also: ${left.join(", ")}`.slice(0, columns)] : [],
  ];
}

/** One line for an epoch that has ended. */
export function epochLine(run: FollowedRun, epoch: number): string {
  const value = (split: "train" | "validation", metric: string) => run.curve(split, metric).epochs.at(epoch - 1)?.value;
  const shown = (name: string, found: number | null | undefined, text: (value: number) => string) =>
    found === undefined || found === null ? [] : [`${name} ${text(found)}`];
  const step = run.curve("validation", "accuracy").epochs.at(epoch - 1)?.step;
  const parts = [
    `epoch ${epoch}/${run.record?.recipe.epochs ?? "?"}: step ${step ?? "?"}`,
    ...shown("loss", value("train", "loss"), (loss) => loss.toFixed(4)),
    ...shown("validation loss", value("validation", "loss"), (loss) => loss.toFixed(4)),
    ...shown("accuracy", value("validation", "accuracy"), (accuracy) => `${(100 * accuracy).toFixed(2)} %`),
    ...shown("depth", value("validation", "halting_depth_mean"), (depth) => depth.toFixed(2)),
  ];
  return parts.join(", ");
}

function headingOf({ record, path, position: { step, epoch } }: FollowedRun): string[] {
  if (record === undefined) return [visible(path)];
  const { run, outcome, recipe: { epochs }, started, ended } = record;
  const since = (time: string) => (Date.parse(ended ?? new Date().toISOString()) - Date.parse(time)) / 1000;
  const began = record.resumed.at(-1)?.at ?? started;
  return [
    `${visible(path)}  ${run}`,
    `${outcome}  epoch ${epoch}/${epochs}  step ${step}  ${formatDuration(since(began))}`,
  ];
}

interface SplitCurve {
  readonly split: "train" | "validation" | "test";
  readonly curve: Curve;
}

function curvesOf(run: FollowedRun, metric: string): SplitCurve[] {
  return (["train", "validation", "test"] as const).map((split) => ({ split, curve: run.curve(split, metric) }));
}

/** Training as a line, of its steps where they are logged; validation and test as a mark for each epoch. */
function chartOf(run: FollowedRun, metric: string, { columns, rows, unicode }: FrameOptions): string[] {
  const series: TextSeries[] = [];
  const legend: string[] = [];
  for (const { split, curve: { steps, epochs } } of curvesOf(run, metric)) {
    const found = split === "train" && steps.length > 1 ? steps : epochs.length > 0 ? epochs : steps;
    const last = found.at(-1);
    if (last === undefined) continue;
    const colour = ({ train: "cyan", validation: "yellow", test: "magenta" } as const)[split];
    const paint = (text: string) => styleText(colour, text);
    series.push({
      points: found.map(({ step, value }) => ({ x: step, y: value })),
      style: split === "train" && found.length > 1 ? "line" : "marks",
      paint,
    });
    legend.push(`${split} ${last.value === null ? "-" : shortFigure(last.value)}`);
  }
  const title = `${metric.replaceAll("_", " ")}: ${legend.join(", ")}`.slice(0, columns);
  return [title, ...textChart(series, { width: columns, height: rows - 1, unicode })];
}

function shortFigure(value: number): string {
  return Math.abs(value) >= 1e4 ? formatCount(value) : value.toPrecision(4);
}
