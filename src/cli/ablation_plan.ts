import { join, resolve } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { fileError } from "../files/file_error.ts";
import { makeFolder } from "../files/make_folder.ts";
import { printable } from "../files/printable.ts";
import {
  boolean,
  checkShape,
  literal,
  number,
  picklist,
  pipe,
  record,
  regex,
  safeInteger,
  strictObject,
  string,
  union,
} from "../libraries/schema.ts";
import type { Grid, OptionEntries } from "./ablation_grid.ts";
import { camelCase, type Declarations, pathOf } from "./option.ts";
import { PROVOKE_OPTIONS } from "./provoke.ts";

/** Name of the plan in the folder of an ablation. */
export const PLAN_NAME = "plan.jsonl";

/** A file of this name in a run's folder tells that the run is done and how it ended. */
export const DONE_NAME = "DONE";

/** A line of a plan: one run. */
export interface PlannedLine {
  /** From 1. */
  readonly line: number;
  /** Relative to the plan's folder, with forward slashes. */
  readonly folder: string;
  readonly scenario: string;
  readonly arm: string;
  /** The arm with which those of the scenario are compared. */
  readonly baseline: string;
  readonly seed: number;
  /** Whether the run's distribution shifts decides which command makes it. */
  readonly command: "train" | "provoke";
  readonly options: OptionEntries;
}

const LINE = strictObject({
  version: literal(1),
  line: pipe(number(), safeInteger()),
  folder: pipe(string(), regex(/^runs\/[a-z0-9][a-z0-9.-]*$/)),
  scenario: string(),
  arm: string(),
  baseline: string(),
  seed: pipe(number(), safeInteger()),
  command: picklist(["train", "provoke"]),
  options: record(string(), union([string(), number(), boolean()])),
});

/**
 * The runs of a grid, scenario after scenario and in each seed after seed, so that a part of the plan has whole sets of
 * arms. Paths become absolute.
 */
export function planGrid(grid: Grid): PlannedLine[] {
  const runs = grid.scenarios.flatMap((scenario) =>
    grid.seeds.flatMap((seed) => scenario.arms.map((arm) => ({ seed, scenario, arm })))
  );
  return runs.map(({ seed, scenario, arm }, i): PlannedLine => {
    const options: OptionEntries = { threads: 1, ...grid.options, ...scenario.options, ...arm.options, seed };
    const shifts = ["shift", "shift-at", "shift-length", "shift-data"].some((key) => key in options);
    if (shifts && !("shift" in options)) {
      throw new UsageError(
        `Cannot use ${printable(grid.path)}: arm ${arm.name} of scenario ${scenario.name} says when the distribution ` +
          "shifts, not how",
        "Give the option shift as well.",
      );
    }
    return {
      line: i + 1,
      folder: `runs/${scenario.name}.${arm.name}.${seed}`,
      scenario: scenario.name,
      arm: arm.name,
      baseline: grid.baseline,
      seed,
      command: shifts ? "provoke" : "train",
      options: absolute(options),
    };
  });
}

/** A plan works from any working directory. */
function absolute(options: OptionEntries): OptionEntries {
  const declarations: Declarations = PROVOKE_OPTIONS;
  const isPath = (key: string) => pathOf(declarations[camelCase(key)].placeholder).path !== undefined;
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, isPath(key) ? resolve(String(value)) : value]),
  );
}

/**
 * Writes the plan into `folder` and returns its path; a plan of the same runs may be there already. Throws DataError
 * when there is another one: its runs would be taken for those of this one.
 */
export async function writePlan(folder: string, lines: readonly PlannedLine[]): Promise<string> {
  const path = join(folder, PLAN_NAME);
  const text = lines.map((line) => `${JSON.stringify({ version: 1, ...line })}\n`).join("");
  await makeFolder(folder);
  const there = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("Cannot read", path, error);
  });
  if (there === text) return path;
  if (there !== undefined) {
    throw new DataError(
      `Cannot write ${printable(path)}: the plan of another grid is there`,
      "Choose another --out, or remove that folder.",
    );
  }
  await writeFileAtomically(path, text);
  return path;
}

/** The lines of the plan `path`. Throws DataError, naming the line, for what is no plan. */
export async function readPlan(path: string): Promise<PlannedLine[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw fileError("Cannot read the plan", path, error);
  });
  const lines = text.split("\n").filter((line) => line !== "").map((line, i) => readLine(line, i + 1, path));
  if (lines.length > 0) return lines;
  throw new DataError(`Cannot read the plan ${printable(path)}: it is empty`, PLAN_HINT);
}

const PLAN_HINT = "Name a plan.jsonl that epsilon ablate plan has written.";

function readLine(text: string, line: number, path: string): PlannedLine {
  const fault = (reason: string, cause?: unknown) =>
    new DataError(`Cannot read the plan ${printable(path)}, line ${line}: ${printable(reason)}`, PLAN_HINT, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fault("the JSON is broken", error);
  }
  const result = checkShape(LINE, value);
  if ("fault" in result) throw fault(result.fault);
  const { version: _, ...planned } = result.value;
  if (planned.line !== line) throw fault(`it calls itself line ${planned.line}`);
  return planned;
}
