import { type Figure, perSeed, presentFigures, seedSample } from "../figures.ts";
import { type Difference, differences, type Group, groupRuns } from "../groups.ts";
import type { ReportRun } from "../run.ts";
import { type MeanDifference, meanDifference, type Sample } from "../statistics.ts";
import { type RunTest, testAgreement } from "./agreement.ts";

/** A figure of one run; undefined where the run does not have it. */
export interface RunFigures {
  readonly run: ReportRun;
  readonly group: string;
  readonly values: ReadonlyMap<Figure, number>;
}

export interface GroupFigures {
  readonly group: Group;
  readonly samples: ReadonlyMap<Figure, Sample>;
}

/** How the means of two groups differ, first less second. */
export interface GroupDifference extends MeanDifference {
  readonly first: string;
  readonly second: string;
  readonly figure: Figure;
}

/** Runs side by side. */
export interface Comparison {
  readonly runs: readonly RunFigures[];
  readonly groups: readonly GroupFigures[];
  /** Options in which the groups differ, with each group's value. */
  readonly options: readonly Difference[];
  readonly differences: readonly GroupDifference[];
  readonly tests: readonly RunTest[];
  /** What is broken, missing or could not be tested, in sentences without a full stop. */
  readonly notes: readonly string[];
}

/** Figures whose means are compared between groups. */
const COMPARED: ReadonlySet<string> = new Set(["best_accuracy", "last_accuracy", "best_task_loss"]);

/** Compares `runs`, grouped by configuration. Reads their `predictions.csv`. */
export async function compareRuns(runs: readonly ReportRun[]): Promise<Comparison> {
  const grouped = groupRuns(runs);
  const figures = presentFigures(runs);
  const groups = grouped.map((group): GroupFigures => ({ group, samples: samplesOf(group, figures) }));
  const { tests, notes } = await testAgreement(runs);
  return {
    runs: grouped.flatMap((group) =>
      group.runs.map((run) => ({ run, group: group.label, values: valuesOf(run, figures) }))
    ),
    groups,
    options: differences(grouped),
    differences: figures.filter(({ name }) => COMPARED.has(name)).flatMap((figure) =>
      groupDifferences(grouped, figure)
    ),
    tests,
    notes: [...runs.flatMap((run) => run.notes), ...notes],
  };
}

function valuesOf(run: ReportRun, figures: readonly Figure[]): ReadonlyMap<Figure, number> {
  return new Map(figures.flatMap((figure) => {
    const value = figure.of(run);
    return value === undefined ? [] : [[figure, value] as const];
  }));
}

function samplesOf({ runs }: Group, figures: readonly Figure[]): ReadonlyMap<Figure, Sample> {
  return new Map(figures.flatMap((figure) => {
    const sample = seedSample(runs, figure);
    return sample === undefined ? [] : [[figure, sample] as const];
  }));
}

function groupDifferences(groups: readonly Group[], figure: Figure): GroupDifference[] {
  return groups.flatMap((first, i) =>
    groups.slice(i + 1).flatMap((second) => {
      const found = meanDifference(perSeed(first.runs, figure), perSeed(second.runs, figure));
      return found === undefined ? [] : [{ first: first.label, second: second.label, figure, ...found }];
    })
  );
}
