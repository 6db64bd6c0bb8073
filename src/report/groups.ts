import { applicableConfig, variantName } from "../model/config.ts";
import { kebabCase } from "../model/key_name.ts";
import type { TrainConfig } from "../train/config.ts";
import { type Series, seriesOf } from "./charts/series.ts";
import type { ReportRun } from "./run.ts";

/** Runs of one configuration, which differ in their seed only. */
export interface Group {
  /** The model's variant and, where several groups have it, what tells them apart: `epsilon-exit, dropout 0.2`. */
  readonly label: string;
  readonly runs: readonly ReportRun[];
  /** What is trained, by key in kebab case; empty when the runs' `run.json` cannot be read. */
  readonly configuration: ReadonlyMap<string, string>;
}

/** A key in which groups differ, with each group's value; empty where the key does not bear on its model. */
export interface Difference {
  readonly key: string;
  readonly values: readonly string[];
}

/** Parts of the recipe that do not change what is learned, and the seed, which groups leave open. */
const LEFT_OPEN: ReadonlySet<keyof TrainConfig> = new Set(["seed", "logEvery", "checkpointEvery"]);

/** Characters of a hash that are shown. */
const HASH_SHOWN = 12;

/** Groups of the runs, in the order of their first runs; a run without `run.json` is a group of its own. */
export function groupRuns(runs: readonly ReportRun[]): Group[] {
  const byKey = new Map<string, { runs: ReportRun[]; configuration: ReadonlyMap<string, string> }>();
  for (const run of runs) {
    const configuration = configurationOf(run);
    const key = run.record === undefined ? `path ${run.path}` : JSON.stringify([...configuration]);
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, { runs: [run], configuration });
    else group.runs.push(run);
  }
  const groups = [...byKey.values()];
  const names = groups.map(({ runs: [run] }) => run.record === undefined ? run.label : variantName(run.record.model));
  return groups.map((group, g) => {
    const alike = groups.filter((_, other) => names[other] === names[g]);
    const telling = differences(alike).filter(({ key }) => group.configuration.has(key));
    const details = telling.map(({ key }) => `, ${key} ${group.configuration.get(key)}`).join("");
    return { ...group, label: `${names[g]}${details}` };
  });
}

/** The keys in which `groups` differ, in the order of the configuration. */
export function differences(groups: readonly Pick<Group, "configuration">[]): Difference[] {
  const keys = new Set(groups.flatMap(({ configuration }) => [...configuration.keys()]));
  return [...keys]
    .map((key) => ({ key, values: groups.map(({ configuration }) => configuration.get(key) ?? "") }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** How the lines of `runs` are told apart in a chart: by run, or by group where there are more runs than colours. */
export function seriesOfRuns(runs: readonly ReportRun[], groups: readonly Group[] = groupRuns(runs)): Series {
  const groupOf = new Map(groups.flatMap((group) => group.runs.map((run) => [run.label, group.label])));
  return seriesOf(runs.map(({ label }) => label), (run) => groupOf.get(run) ?? run);
}

function configurationOf({ record }: ReportRun): Map<string, string> {
  if (record === undefined) return new Map();
  const trained = Object.entries(record.recipe).filter(([key]) => !LEFT_OPEN.has(key as keyof TrainConfig));
  return new Map([
    ...[...Object.entries(applicableConfig(record.model)), ...trained]
      .map(([key, value]): [string, string] => [kebabCase(key), String(value)]),
    ["data", record.dataSha256.slice(0, HASH_SHOWN)],
    ["vocabulary", record.vocabularySha256.slice(0, HASH_SHOWN)],
  ]);
}
