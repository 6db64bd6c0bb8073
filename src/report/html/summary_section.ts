import { variantName } from "../../model/config.ts";
import { figureHeading, formatFigure, formatMean, presentFigures, seedSample } from "../figures.ts";
import { differences, type Group } from "../groups.ts";
import type { ReportRun } from "../run.ts";
import { CONFIDENCE } from "../statistics.ts";
import { epochsEnded } from "../summary.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./tables.ts";

/** Figures of each run, then of each configuration that has several, then what the configurations differ in. */
export function summarySection(runs: readonly ReportRun[], groups: readonly Group[]): Markup {
  const repeated = groups.filter((group) => group.runs.length > 1);
  return markup`${runTable(runs)}
${repeated.length === 0 ? null : groupTable(repeated)}
${groups.length < 2 ? null : differenceTable(groups)}`;
}

function runTable(runs: readonly ReportRun[]): Markup {
  const figures = presentFigures(runs);
  const columns = [
    { heading: "run" },
    { heading: "model" },
    { heading: "seed", number: true },
    ...figures.map((figure) => ({ heading: figureHeading(figure), number: true })),
    { heading: "epochs", number: true },
    { heading: "outcome" },
  ];
  const rows = runs.map((run) => [
    run.label,
    run.record === undefined ? null : variantName(run.record.model),
    run.record === undefined ? null : String(run.record.seed),
    ...figures.map((figure) => {
      const value = figure.of(run);
      return value === undefined ? null : formatFigure(figure, value);
    }),
    epochsOf(run),
    run.record?.outcome ?? null,
  ]);
  if (rows.length > 1) return table(columns, rows);
  return table(
    [{ heading: "figure" }, { heading: "value" }],
    columns.map(({ heading }, i) => [heading, rows[0][i]]).filter(([, value]) => value !== null),
  );
}

/** Epochs that ended, of how many that were wanted. */
function epochsOf(run: ReportRun): string {
  const { record } = run, ended = epochsEnded(run);
  return record === undefined || record.recipe.epochs === ended ? String(ended) : `${ended} of ${record.recipe.epochs}`;
}

function groupTable(groups: readonly Group[]): Markup {
  const figures = presentFigures(groups.flatMap(({ runs }) => runs)).filter(({ name }) => name !== "parameters");
  const rows = groups.map(({ label, runs }) => [
    label,
    String(runs.length),
    ...figures.map((figure) => {
      const sample = seedSample(runs, figure);
      if (sample === undefined) return null;
      const show = (value: number) => formatMean(figure, value);
      const { mean, sd, interval } = sample;
      if (sd === null || interval === null) return show(mean);
      return `${show(mean)} ± ${show(sd)} [${show(interval.lower)}, ${show(interval.upper)}]`;
    }),
  ]);
  return markup`<h3>Over the seeds</h3>
<p class="quiet">Mean ± standard deviation, in brackets Student's t interval for the mean (${100 * CONFIDENCE} %).</p>
${
    table([
      { heading: "configuration" },
      { heading: "runs", number: true },
      ...figures.map((figure) => ({ heading: figureHeading(figure), number: true })),
    ], rows)
  }`;
}

function differenceTable(groups: readonly Group[]): Markup {
  const rows = differences(groups).map((
    { key, values },
  ) => [key, ...values.map((value) => value === "" ? "–" : value)]);
  if (rows.length === 0) return markup``;
  return markup`<h3>Where the configurations differ</h3>
${table([{ heading: "option" }, ...groups.map(({ label }) => ({ heading: label }))], rows)}`;
}
