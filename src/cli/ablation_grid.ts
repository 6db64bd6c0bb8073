import { UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { kebabCase } from "../model/key_name.ts";
import { requireInRange } from "../model/range.ts";
import { suggestName } from "../nearest.ts";
import { TRAIN_RANGES } from "../train/config.ts";
import { type ConfigurationFile, readConfigurationFile } from "./configuration.ts";
import { camelCase } from "./option.ts";
import { PROVOKE_OPTIONS } from "./provoke.ts";

/** Options of a run as a grid gives them, by key in kebab case. */
export type OptionEntries = Readonly<Record<string, string | number | boolean>>;

/** What is compared within a scenario: one of them is the baseline. */
export interface Arm {
  readonly name: string;
  readonly options: OptionEntries;
}

/** Under which circumstances the arms are compared: a shift, a model. */
export interface Scenario {
  readonly name: string;
  readonly options: OptionEntries;
  readonly arms: readonly Arm[];
}

/** Arms × scenarios × seeds. */
export interface Grid {
  readonly path: string;
  readonly seeds: readonly number[];
  /** Options of every run; those of its scenario, then those of its arm, come first. */
  readonly options: OptionEntries;
  /** The arm with which the others are compared. */
  readonly baseline: string;
  readonly scenarios: readonly Scenario[];
}

const KEYS = ["seeds", "baseline", "options", "arms", "scenarios"] as const;
const MOST_SEEDS = 1000;

/** The scenario of a grid that names none. */
const ONLY_SCENARIO = "all";

/** Names stand in folders and tables. */
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** What the planner gives each run itself. */
const PLANNED: Readonly<Record<string, string>> = {
  seed: "Name the seeds in the list seeds.",
  out: "Each run gets a folder of its own.",
  resume: "A run that was stopped goes on by itself.",
  progress: "Give --progress to epsilon ablate.",
  json: "Give --json to epsilon ablate.",
};

/**
 * The grid in the TOML or JSON file `path`. Throws UsageError, with the nearest name, for keys, options and arms that
 * there are none of, and for values of another kind; DataError for a file that cannot be read.
 */
export async function readGrid(path: string): Promise<Grid> {
  const file = await readConfigurationFile(path);
  const { entries } = file;
  for (const key of Object.keys(entries)) {
    if (KEYS.some((known) => known === key)) continue;
    const hint = optionKey(key) === undefined
      ? suggestName(key, KEYS, `Write ${KEYS.join(", ")}.`)
      : "Write it under [options].";
    throw new UsageError(`Cannot use ${printable(path)}: unknown key "${printable(key)}"`, hint);
  }
  const arms = Object.entries(tableOf(file, "arms")).map(([name, options]): Arm => ({
    name: named(file, "arm", name),
    options: optionsOf(options, `arm ${name} of ${path}`),
  }));
  if (arms.length === 0) {
    throw new UsageError(`Cannot use ${printable(path)}: it has no arms`, "Write a table [arms.NAME] for each.");
  }
  const baseline = entries.baseline === undefined ? arms[0].name : findArm(file, arms, entries.baseline).name;
  return {
    path,
    seeds: seedsOf(file),
    options: optionsOf(entries.options ?? {}, `[options] of ${path}`),
    baseline,
    scenarios: scenariosOf(file, arms, baseline),
  };
}

function scenariosOf(file: ConfigurationFile, arms: readonly Arm[], baseline: string): Scenario[] {
  if (file.entries.scenarios === undefined) return [{ name: ONLY_SCENARIO, options: {}, arms }];
  const scenarios = Object.entries(tableOf(file, "scenarios")).map(([name, table]): Scenario => {
    const place = `scenario ${named(file, "scenario", name)} of ${file.path}`;
    const { arms: chosen = undefined, ...options } = record(table, place);
    if (chosen === undefined) return { name, options: optionsOf(options, place), arms };
    if (!Array.isArray(chosen) || chosen.length === 0) {
      throw new UsageError(`Cannot use arms in ${printable(place)}`, "Give a list of names of arms.");
    }
    const own = new Set(chosen.map((arm) => findArm(file, arms, arm)));
    if (!arms.some((arm) => own.has(arm) && arm.name === baseline)) {
      throw new UsageError(
        `Cannot use arms in ${printable(place)}: the baseline, ${baseline}, is not among them`,
        "Name it as well.",
      );
    }
    return { name, options: optionsOf(options, place), arms: arms.filter((arm) => own.has(arm)) };
  });
  if (scenarios.length > 0) return scenarios;
  throw new UsageError(`Cannot use ${printable(file.path)}: [scenarios] is empty`, "Leave it out, or write one.");
}

function seedsOf({ path, entries: { seeds } }: ConfigurationFile): number[] {
  if (!Array.isArray(seeds) || seeds.length === 0 || seeds.length > MOST_SEEDS) {
    throw new UsageError(
      `Cannot use seeds in ${printable(path)}`,
      `Give a list of 1 to ${MOST_SEEDS} whole numbers, such as [1, 2, 3].`,
    );
  }
  for (const seed of seeds) requireInRange(`seeds in ${printable(path)}`, Number(seed), TRAIN_RANGES.seed);
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice === undefined) return seeds.map(Number);
  throw new UsageError(`Cannot use seeds in ${printable(path)}: ${twice} is named twice`, "Name each once.");
}

function findArm({ path }: ConfigurationFile, arms: readonly Arm[], name: unknown): Arm {
  const found = arms.find((arm) => arm.name === name);
  if (found !== undefined) return found;
  const names = arms.map((arm) => arm.name);
  throw new UsageError(
    `Cannot use ${printable(path)}: there is no arm "${printable(String(name))}"`,
    suggestName(String(name), names, `The arms are ${names.join(", ")}.`),
  );
}

function optionsOf(table: unknown, place: string): OptionEntries {
  const entries = Object.entries(record(table, place)).map(([name, value]) => {
    const key = optionKey(name);
    if (key === undefined) {
      const names = Object.keys(PROVOKE_OPTIONS).map(kebabCase);
      const hint = suggestName(name, names, "See epsilon provoke --help for the options.");
      throw new UsageError(`Cannot use ${printable(place)}: unknown option "${printable(name)}"`, hint);
    }
    if (Object.hasOwn(PLANNED, key)) throw new UsageError(`Cannot use ${key} in ${printable(place)}`, PLANNED[key]);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw new UsageError(
        `Cannot use ${key} in ${printable(place)}: ${Array.isArray(value) ? "a list" : "a table"}`,
        "Give one text, number or truth value.",
      );
    }
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}

/** The option's key in kebab case, undefined when there is no such option. */
function optionKey(name: string): string | undefined {
  const key = camelCase(name);
  return Object.hasOwn(PROVOKE_OPTIONS, key) ? kebabCase(key) : undefined;
}

function tableOf(file: ConfigurationFile, key: "arms" | "scenarios"): Record<string, unknown> {
  return record(file.entries[key] ?? {}, `${key} of ${file.path}`);
}

function record(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`Cannot use ${printable(place)}: it is no table`, "Write a table, key = value on each line.");
}

function named({ path }: ConfigurationFile, kind: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new UsageError(
    `Cannot use ${printable(path)}: ${kind} "${printable(name)}"`,
    "Name it by up to 40 small letters, digits and dashes.",
  );
}
