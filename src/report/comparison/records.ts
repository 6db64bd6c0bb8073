import { formatCsvRow } from "../../libraries/csv.ts";
import { CONFIDENCE, type Interval } from "../statistics.ts";
import { epochsEnded } from "../summary.ts";
import type { Comparison } from "./comparison.ts";

const COLUMNS = [
  "kind",
  "configuration",
  "against",
  "run",
  "against_run",
  "metric",
  "n",
  "value",
  "sd",
  "lower",
  "upper",
  "p",
  "p_holm",
] as const;

/** Cells by column; those left out are empty. */
type Cells = Partial<Record<typeof COLUMNS[number], string | number | null>>;

/**
 * The comparison as tidy CSV: `run` rows (a figure of a run), `configuration` rows (its mean over the seeds),
 * `difference` rows (of two means) and `mcnemar` rows (value: share of the shared reviews that only `run` got right, less
 * that of `against_run`).
 */
export function comparisonCsv({ runs, groups, differences, tests }: Comparison): string {
  const rows: Cells[] = [
    ...runs.flatMap(({ run, group, values }) =>
      [...values].map(([{ name }, value]): Cells => ({
        kind: "run",
        configuration: group,
        run: run.label,
        metric: name,
        n: 1,
        value,
      }))
    ),
    ...groups.flatMap(({ group, samples }) =>
      [...samples].map(([{ name }, { n, mean, sd, interval }]): Cells => ({
        kind: "configuration",
        configuration: group.label,
        metric: name,
        n,
        value: mean,
        sd,
        ...interval ?? {},
      }))
    ),
    ...differences.map(({ figure, first, second, n, difference, interval }): Cells => ({
      kind: "difference",
      configuration: first,
      against: second,
      metric: figure.name,
      n,
      value: difference,
      ...interval,
    })),
    ...tests.map((test): Cells => ({
      kind: "mcnemar",
      run: test.first,
      against_run: test.second,
      metric: "accuracy",
      n: test.reviews,
      value: (test.onlyFirstRight - test.onlySecondRight) / test.reviews,
      p: test.p,
      p_holm: test.adjusted,
    })),
  ];
  const lines = rows.map((row) => formatCsvRow(COLUMNS.map((column) => row[column])));
  return formatCsvRow(COLUMNS) + lines.join("");
}

/** The comparison as a value for JSON; figures by name, missing ones left out. */
export function comparisonJson({ runs, groups, options, differences, tests, notes }: Comparison): object {
  return {
    runs: runs.map(({ run, group, values }) => ({
      run: run.label,
      path: run.path,
      configuration: group,
      seed: run.record?.seed ?? null,
      outcome: run.record?.outcome ?? null,
      epochs: epochsEnded(run),
      figures: Object.fromEntries([...values].map(([{ name }, value]) => [name, value])),
    })),
    configurations: groups.map(({ group, samples }) => ({
      configuration: group.label,
      runs: group.runs.map(({ label }) => label),
      options: Object.fromEntries(group.configuration),
      figures: Object.fromEntries(
        [...samples].map((
          [{ name }, { n, mean, sd, interval }],
        ) => [name, { n, mean, sd, interval: bounds(interval) }]),
      ),
    })),
    differing_options: Object.fromEntries(options.map(({ key, values }) => [
      key,
      Object.fromEntries(groups.map(({ group }, i) => [group.label, values[i] === "" ? null : values[i]])),
    ])),
    confidence: CONFIDENCE,
    differences: differences.map(({ figure, first, second, difference, interval, method, n }) => ({
      figure: figure.name,
      first,
      second,
      difference,
      interval: bounds(interval),
      method,
      n,
    })),
    mcnemar: tests.map(({ adjusted, ...test }) => ({
      first: test.first,
      second: test.second,
      splits: test.splits,
      reviews: test.reviews,
      both_right: test.bothRight,
      only_first_right: test.onlyFirstRight,
      only_second_right: test.onlySecondRight,
      both_wrong: test.bothWrong,
      p: test.p,
      p_holm: adjusted,
    })),
    notes,
  };
}

function bounds(interval: Interval | null): [number, number] | null {
  return interval === null ? null : [interval.lower, interval.upper];
}
