import assert from "node:assert/strict";
import {
  resultRows,
  resultsCsv,
  runTimingRows,
  summarize,
  summaryCsv,
  summaryOf,
} from "../../../src/report/reproduction/results.ts";
import { madeResult } from "./made_results.ts";

const valueOf = (rows: ReturnType<typeof resultRows>, metric: string) =>
  rows.find((row) => row.metric === metric)?.value;

Deno.test("a run's best epoch is that of the best validation accuracy, its last the last", () => {
  const rows = resultRows(madeResult({ variant: "exit", accuracies: [0.8, 0.9, 0.85], depths: [1, 4, 3], test: 0.88 }));
  const wanted = {
    parameters: 369_184,
    epochs: 3,
    best_epoch: 2,
    best_accuracy: 0.9,
    last_accuracy: 0.85,
    best_depth: 4,
    last_depth: 3,
    best_steps: 5,
    test_accuracy: 0.88,
  };
  for (const [metric, value] of Object.entries(wanted)) assert.equal(valueOf(rows, metric), value, metric);
  const error = valueOf(rows, "best_accuracy_standard_error");
  assert(typeof error === "number" && Math.abs(error - 0.006) < 1e-15);
});

Deno.test("a model without halting has no depth, and a run without a test no test accuracy: nothing is made up", () => {
  const rows = resultRows(madeResult({ variant: "vanilla", accuracies: [0.8] }));
  for (const metric of ["best_depth", "last_steps", "last_kl_loss", "test_accuracy"]) {
    assert.equal(rows.some((row) => row.metric === metric), false, metric);
  }
  const none = resultRows(madeResult({ variant: "exit", accuracies: [null] }));
  assert.equal(valueOf(none, "best_accuracy"), undefined);
  assert.equal(valueOf(none, "last_accuracy"), null);
});

Deno.test("summaries hold mean, sample deviation and extremes; one run has no deviation; missing values are left out", () => {
  const runs = [0.88, 0.9, 0.92].map((best, i) => madeResult({ variant: "exit", seed: i, accuracies: [best] }));
  const rows = [...runs.flatMap(resultRows), ...resultRows(madeResult({ variant: "vanilla", accuracies: [null] }))];
  const found = summaryOf(summarize(rows));
  const accuracy = found("exit", "best_accuracy");
  assert(accuracy !== undefined && accuracy.standardDeviation !== null);
  assert(Math.abs(accuracy.mean - 0.9) < 1e-15 && Math.abs(accuracy.standardDeviation - 0.02) < 1e-15);
  assert.deepEqual([accuracy.runs, accuracy.least, accuracy.greatest], [3, 0.88, 0.92]);
  assert.equal(found("vanilla", "parameters")?.standardDeviation, null);
  assert.equal(found("vanilla", "last_accuracy"), undefined);
});

Deno.test("the tables are CSV with empty fields for what is missing", () => {
  const made = madeResult({ variant: "exit", accuracies: [null] });
  const rows = resultRows(made);
  assert.match(resultsCsv(rows), /^variant,seed,run,metric,value\n/);
  assert.match(resultsCsv(rows), /^exit,42,epsilon-exit-seed42,last_accuracy,$/m);
  assert.match(summaryCsv(summarize(rows)), /^exit,parameters,1,369184,,369184,369184$/m);
  assert.deepEqual(runTimingRows(made).map(({ metric, value }) => [metric, value]), [["run_seconds_per_epoch", 10]]);
});
