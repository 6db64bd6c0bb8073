import { PAPER_CONFIG } from "../../../src/model/config.ts";
import type { RunRecord } from "../../../src/metrics/run_json.ts";
import type { ReproducedRun } from "../../../src/report/reproduction/results.ts";
import type { EpochValue, ReportRun } from "../../../src/report/run.ts";
import { PAPER_RECIPE } from "../../../src/train/config.ts";

/** What a made-up finished run is like; one entry of each list an epoch. */
export interface MadeResult {
  readonly variant: string;
  readonly seed?: number;
  readonly accuracies: readonly (number | null)[];
  readonly depths?: readonly number[];
  readonly test?: number;
  readonly outcome?: RunRecord["outcome"];
  readonly limitBatches?: number;
  readonly patience?: number;
}

/** A run of the reproduction with made-up numbers. */
export function madeResult(made: MadeResult): ReproducedRun {
  const { variant, seed = 42, accuracies, depths, test, outcome = "finished", limitBatches = 0, patience = 0 } = made;
  const label = `epsilon-${variant}-seed${seed}`;
  const epochs = accuracies.flatMap((accuracy, e): EpochValue[] => {
    const place = { epoch: e + 1, step: 704 * (e + 1) };
    const validation = { ...place, split: "validation" } as const;
    return [
      { ...validation, metric: "accuracy", value: accuracy },
      { ...validation, metric: "task_loss", value: 0.3 },
      ...depths === undefined ? [] : [
        { ...validation, metric: "kl_loss", value: 0.2 },
        { ...validation, metric: "halting_depth_mean", value: depths[e] },
        { ...validation, metric: "halting_steps_mean", value: depths[e] + 1 },
      ],
      { ...place, split: "train", metric: "seconds", value: 10 + e },
    ];
  });
  const record: RunRecord = {
    format: "epsilon-run",
    version: 1,
    run: label,
    model: PAPER_CONFIG,
    recipe: { ...PAPER_RECIPE, seed, limitBatches, patience },
    configuration: {},
    seed,
    dataSha256: "12".repeat(32),
    vocabularySha256: "ab".repeat(32),
    codeVersion: "0.1.0",
    device: "reference",
    parameterCount: 369_184,
    started: "2026-11-22T20:00:00.000Z",
    resumed: [],
    ended: "2026-11-22T20:10:00.000Z",
    outcome,
  };
  const run: ReportRun = {
    label,
    path: `runs/${variant}-${seed}`,
    record,
    epochs,
    steps: [],
    instruments: {},
    broken: new Set(),
    tokenReviews: 0,
    notes: [],
  };
  const tested = test === undefined
    ? {}
    : { test: { reviews: 25_000, accuracy: test, standardError: Math.sqrt(test * (1 - test) / 25_000) } };
  return { variant, seed, run, validationReviews: 2500, ...tested };
}
