import { variantName } from "../../model/config.ts";
import { figureHeading, formatFigure, formatMean } from "../figures.ts";
import { CONFIDENCE, type Interval } from "../statistics.ts";
import type { Comparison } from "./comparison.ts";

/** A part of a comparison, for people. */
export interface ComparisonTable {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Stands where there is no value. */
const NOTHING = "–";

const INTERVAL = `${100 * CONFIDENCE} % interval`;

/** The comparison as tables of text; those without rows are left out. */
export function comparisonTables(comparison: Comparison): ComparisonTable[] {
  return [
    runsTable(comparison),
    groupsTable(comparison),
    optionsTable(comparison),
    differencesTable(comparison),
    testsTable(comparison),
  ].filter(({ rows }) => rows.length > 0);
}

function runsTable({ runs }: Comparison): ComparisonTable {
  const figures = [...new Set(runs.flatMap(({ values }) => [...values.keys()]))];
  return {
    title: "Runs",
    headings: ["run", "model", "seed", ...figures.map(figureHeading), "outcome"],
    rows: runs.map(({ run: { label, record }, values }) => [
      label,
      record === undefined ? NOTHING : variantName(record.model),
      record === undefined ? NOTHING : String(record.seed),
      ...figures.map((figure) => {
        const value = values.get(figure);
        return value === undefined ? NOTHING : formatFigure(figure, value);
      }),
      record?.outcome ?? NOTHING,
    ]),
  };
}

function groupsTable({ groups }: Comparison): ComparisonTable {
  return {
    title: "Over the seeds (Student's t)",
    headings: ["figure", "configuration", "seeds", "mean", "± sd", INTERVAL],
    rows: [...new Set(groups.flatMap(({ samples }) => [...samples.keys()]))]
      .filter(({ name }) => name !== "parameters")
      .flatMap((figure) =>
        groups.flatMap(({ group, samples }) => {
          const sample = samples.get(figure);
          if (sample === undefined) return [];
          const show = (value: number) => formatMean(figure, value);
          return [[
            figureHeading(figure),
            group.label,
            String(sample.n),
            show(sample.mean),
            sample.sd === null ? NOTHING : show(sample.sd),
            sample.interval === null ? NOTHING : range(sample.interval, show),
          ]];
        })
      ),
  };
}

function optionsTable({ groups, options }: Comparison): ComparisonTable {
  return {
    title: "Where the configurations differ",
    headings: ["option", ...groups.map(({ group }) => group.label)],
    rows: options.map(({ key, values }) => [key, ...values.map((value) => value === "" ? NOTHING : value)]),
  };
}

function differencesTable({ differences }: Comparison): ComparisonTable {
  return {
    title: "Differences of the means (first less second)",
    headings: ["figure", "first", "second", "difference", INTERVAL, "method", "n"],
    rows: differences.map(({ figure, first, second, difference, interval, method, n }) => {
      const show = (value: number) => formatMean(figure, value);
      const how = method === "paired" ? "paired by seed" : "Welch's t";
      return [figureHeading(figure), first, second, show(difference), range(interval, show), how, String(n)];
    }),
  };
}

function testsTable({ tests }: Comparison): ComparisonTable {
  return {
    title: "McNemar's exact test on shared reviews",
    headings: ["first", "second", "split", "reviews", "only first right", "only second right", "p", "p (Holm)"],
    rows: tests.map((test) => [
      test.first,
      test.second,
      test.splits.join("+"),
      String(test.reviews),
      String(test.onlyFirstRight),
      String(test.onlySecondRight),
      probability(test.p),
      probability(test.adjusted),
    ]),
  };
}

function range({ lower, upper }: Interval, show: (value: number) => string): string {
  return `[${show(lower)}, ${show(upper)}]`;
}

function probability(p: number): string {
  return p < 0.0001 ? p.toExponential(1) : p.toFixed(4);
}
