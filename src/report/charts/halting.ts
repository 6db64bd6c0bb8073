import type { InstrumentRow } from "../instrument_tables.ts";
import { lastMeasurement, type ReportRun } from "../run.ts";
import { type Chart, lackOfInstrument } from "./chart.ts";
import { drawing, HEIGHT, lineMark } from "./drawing.ts";
import { seriesColour } from "./series.ts";

type Row = InstrumentRow<"halting">;

/** Every token, whatever its class. */
const ALL = "all";

const isOverall = ({ token_class }: Row) => token_class === ALL;

const rowsOf = (run: ReportRun): readonly Row[] => run.instruments.halting ?? [];

/** Rows of one measurement with each one's share of the tokens of its class. */
function shares(rows: readonly Row[]): (Row & { readonly share: number | null })[] {
  const totals = new Map<string, number>();
  for (const { token_class, tokens } of rows) totals.set(token_class, (totals.get(token_class) ?? 0) + tokens);
  return rows.map((row) => {
    const total = totals.get(row.token_class) ?? 0;
    return { ...row, share: total > 0 ? row.tokens / total : null };
  });
}

const stepsAxis = { tickMinStep: 1, format: "d" };

/** Share of the tokens that halt after each number of steps, at the last measurement. */
export const depthHistogram: Chart = {
  name: "depth-histogram",
  section: "Depth",
  caption: "Share of all tokens that halt after each number of steps, in the last measurement.",
  instruments: ["halting"],
  lack: (run) => lackOfInstrument(run, "halting", isOverall),
  draw(runs, series) {
    const rows = runs.flatMap((run) =>
      shares(lastMeasurement(rowsOf(run)).filter(isOverall)).map(({ epoch, split, steps, tokens, share }) => ({
        run: run.label,
        series: series.of(run.label),
        epoch,
        split,
        steps,
        tokens,
        share,
      }))
    );
    const mark = runs.length === 1
      ? { type: "bar" }
      : lineMark(rows.length, rows.every(({ steps }) => steps === rows[0].steps));
    return drawing("Tokens by halting step", rows, {
      mark,
      encoding: {
        x: {
          field: "steps",
          type: "ordinal",
          title: "steps",
          axis: { labelAngle: 0 },
        },
        y: { field: "share", type: "quantitative", title: "share of tokens", axis: { format: ".4~p", tickCount: 5 } },
        color: seriesColour(series),
        detail: { field: "run" },
      },
    });
  },
};

/** Mean steps of each class of tokens, at the last measurement. */
export const depthByClass: Chart = {
  name: "depth-by-class",
  section: "Depth",
  caption: "Mean number of steps of each class of tokens, in the last measurement.",
  instruments: ["halting"],
  lack: (run) => lackOfInstrument(run, "halting", (row) => !isOverall(row)),
  draw(runs, series) {
    const rows = runs.flatMap((run) => {
      const sums = new Map<string, { tokens: number; tokenSteps: number }>();
      for (const { token_class, steps, tokens } of lastMeasurement(rowsOf(run))) {
        const sum = sums.get(token_class) ?? { tokens: 0, tokenSteps: 0 };
        sums.set(token_class, { tokens: sum.tokens + tokens, tokenSteps: sum.tokenSteps + tokens * steps });
      }
      return [...sums].map(([token_class, { tokens, tokenSteps }]) => ({
        run: run.label,
        series: series.of(run.label),
        token_class,
        tokens,
        steps: tokens > 0 ? tokenSteps / tokens : null,
      }));
    });
    return drawing("Mean steps by token class", rows, {
      mark: { type: "point", filled: true, size: 50 },
      encoding: {
        y: { field: "token_class", type: "nominal", title: null, sort: null },
        x: {
          field: "steps",
          type: "quantitative",
          title: "mean steps",
          scale: { zero: false, padding: 12 },
          axis: { tickCount: 6 },
        },
        color: seriesColour(series, "points"),
      },
    });
  },
};

/** How the histogram changes over the epochs. */
export const depthEvolution: Chart = {
  name: "depth-evolution",
  section: "Depth",
  caption: "The histogram of halting steps at each epoch; the darker, the larger the share of the tokens.",
  instruments: ["halting"],
  single: true,
  lack(run) {
    const missing = lackOfInstrument(run, "halting", isOverall);
    if (missing !== undefined) return missing;
    const steps = new Set(rowsOf(run).map(({ step }) => step));
    return steps.size > 1
      ? undefined
      : "no second measurement in halting.csv: epsilon train --instruments halting makes one an epoch";
  },
  draw([run]) {
    const overall = rowsOf(run).filter(isOverall);
    const { split } = overall[overall.length - 1];
    const own = overall.filter((row) => row.split === split);
    const steps = [...new Set(own.map(({ step }) => step))];
    const rows = steps.flatMap((step) =>
      shares(own.filter((row) => row.step === step)).map(({ epoch, split, steps, tokens, share }) => ({
        run: run.label,
        epoch,
        split,
        steps,
        tokens,
        share,
      }))
    );
    return drawing("Halting steps over the epochs", rows, {
      height: HEIGHT,
      mark: { type: "rect" },
      encoding: {
        x: { field: "epoch", type: "ordinal", title: "epoch", axis: { labelAngle: 0, labelOverlap: true } },
        y: { field: "steps", type: "ordinal", title: "steps", sort: "descending", axis: stepsAxis },
        fillOpacity: { field: "share", type: "quantitative", scale: { range: [0, 1], domainMin: 0 }, legend: null },
      },
    });
  },
};
