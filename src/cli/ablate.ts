import { whole } from "../model/range.ts";
import { type CommandContext, type CommandGroup, defineCommand } from "./command.ts";
import { numberOption, textOption } from "./option.ts";
import { JSON_OPTION, PROGRESS_OPTION } from "./options.ts";

const JOBS = {
  jobs: numberOption({
    description: "runs at a time, each in a process of its own",
    fallback: 0,
    shownDefault: "one a core",
    range: whole(0, 1024),
  }),
};

const OUT = {
  out: textOption({
    placeholder: "dir",
    description: "folder of the plan, its runs and results",
    shownDefault: "ablation",
  }),
};

const GRID_OPTIONS = { ...OUT, ...JOBS, ...PROGRESS_OPTION, ...JSON_OPTION };
const PLAN_OPTIONS = { ...OUT, ...JSON_OPTION };
const RUN_OPTIONS = {
  line: numberOption({
    description: "the one line of the plan to work on, in this process; 0 means all that are not done",
    fallback: 0,
    range: whole(0, 1_000_000),
  }),
  ...JOBS,
  ...PROGRESS_OPTION,
};

export type GridContext = CommandContext<typeof GRID_OPTIONS>;
export type PlanContext = CommandContext<typeof PLAN_OPTIONS>;
export type RunContext = CommandContext<typeof RUN_OPTIONS>;
export type CollectContext = CommandContext<typeof JSON_OPTION>;

const GRID = { name: "file", description: "TOML file of arms, scenarios and seeds", required: true };
const PLAN = { name: "file", description: "plan.jsonl that epsilon ablate plan has written", required: true };

/** `epsilon ablate`: a grid of runs, side by side, and what it shows. */
export const ablateCommands: CommandGroup = {
  name: "ablate",
  summary: "train a grid of arms, scenarios and seeds, and compare the arms",
  fallback: "grid",
  children: [
    defineCommand({
      name: "grid",
      summary: "plan a grid, run it and collect it; the word grid may be left out",
      description: [
        "Plans the runs of a grid, trains those that are not done side by side, and collects them: ablation.csv (each",
        "measure of each run), summary.csv (means, deviations, differences from the baseline paired by seed, with",
        "intervals), curves.csv and charts. The same command after an interruption goes on where it was.",
      ].join(" "),
      positionals: [GRID],
      options: GRID_OPTIONS,
      examples: ["epsilon ablate grid.toml --out ablation", "epsilon ablate grid grid.toml --jobs 4"],
      run: async (context) => (await import("./ablate_run.ts")).ablateGrid(context),
    }),
    defineCommand({
      name: "plan",
      summary: "write the plan of a grid, one run a line",
      positionals: [GRID],
      options: PLAN_OPTIONS,
      examples: ["epsilon ablate plan grid.toml --out ablation"],
      run: async (context) => (await import("./ablate_run.ts")).planAblation(context),
    }),
    defineCommand({
      name: "run",
      summary: "train runs of a plan: all that are not done, or one line",
      description: [
        "Trains the runs of a plan that are not done, or one line of it, as the array job of a cluster does. A run that is",
        "done has a file DONE in its folder.",
      ].join(" "),
      positionals: [PLAN],
      options: RUN_OPTIONS,
      examples: [
        "epsilon ablate run ablation/plan.jsonl",
        "epsilon ablate run ablation/plan.jsonl --line $SLURM_ARRAY_TASK_ID",
      ],
      run: async (context) => (await import("./ablate_run.ts")).runAblation(context),
    }),
    defineCommand({
      name: "collect",
      summary: "make the tables and charts of the runs that are done",
      positionals: [PLAN],
      options: JSON_OPTION,
      examples: ["epsilon ablate collect ablation/plan.jsonl"],
      run: async (context) => (await import("./ablate_run.ts")).collectAblation(context),
    }),
  ],
};
