import assert from "node:assert/strict";
import { deviationsFromPaper, findings } from "../../../src/report/reproduction/findings.ts";
import { type ReproducedRun, resultRows, summarize } from "../../../src/report/reproduction/results.ts";
import { madeResult } from "./made_results.ts";

const PAPER_REVIEWS = { train: 22_500, validation: 2_500 };

function told(runs: readonly ReproducedRun[], speeds: Readonly<Record<string, number>> = {}, comparable = true) {
  const timing = Object.entries(speeds).flatMap(([variant, speed]) => [
    { variant, seed: 42, run: variant, metric: "speed_against_vanilla", value: speed },
    { variant, seed: 42, run: variant, metric: "seconds_per_epoch", value: 10 / speed },
  ]);
  const summaries = summarize(runs.flatMap(resultRows));
  return findings({ runs, summaries, timing: summarize(timing), comparable }).join("\n");
}

Deno.test("a small difference from the paper's accuracy is put down to chance, a large one is not", () => {
  const seeds = (values: readonly number[]) =>
    values.map((best, seed) =>
      madeResult({ variant: "exit", seed, accuracies: [best, best - 0.01], depths: [4, 3.85] })
    );
  const near = told(seeds([0.892, 0.895, 0.898]));
  // 0.57 points below; √(0.598² + (0.3/√3)²) = 0.62 points.
  assert.match(near, /89\.50 % against the paper's 90\.07 %, 0\.57 points below it/);
  assert.match(near, /standard error of the difference is 0\.62 points, so the choice of reviews .* enough to explain/);
  assert.match(near, /the last epochs that were trained give 88\.50 %/);
  const far = told(seeds([0.802, 0.805, 0.808]));
  assert.match(far, /9\.57 points below it.* chance does not explain it/);
});

Deno.test("depth is compared with the paper's, with what pulls at it, and silence where they agree", () => {
  const deep = told([madeResult({ variant: "exit", accuracies: [0.9], depths: [3.85] })]);
  // λ_KL 0.015 times 0.2.
  assert.match(
    deep,
    /ends at 3\.85, the paper's ends at 1\.78\. The prior over the steps has a mean of 3, a depth of 2/,
  );
  assert.match(deep, /weight of 0\.015 .* 0\.0030 nats in the last epoch, beside .* 0\.30/);
  const same = told([madeResult({ variant: "exit", accuracies: [0.9], depths: [1.8] })]);
  assert.match(same, /ends at 1\.80, the paper's ends at 1\.78: no difference/);
});

Deno.test("the depth at the end is that of the runs which went on to the last epoch, where there are any", () => {
  const early = madeResult({ variant: "exit", seed: 1, accuracies: [0.9], depths: [5], outcome: "stopped-early" });
  const whole = madeResult({ variant: "exit", seed: 2, accuracies: [0.9], depths: [3.85] });
  assert.match(told([early, whole]), /ends at 3\.85 where it went on to the last epoch \(1 of 2 runs\), the paper/);
  assert.match(told([early]), /ends at 5\.00 where its runs stopped early/);
});

Deno.test("Epsilon is set against the baseline also where the baseline has fewer seeds", () => {
  const exits = [1, 2, 3].map((seed) => madeResult({ variant: "exit", seed, accuracies: [0.89 + 0.001 * seed] }));
  const vanillas = [2, 3].map((seed) => madeResult({ variant: "vanilla", seed, accuracies: [0.84 + 0.002 * seed] }));
  // Seed 2: 89.2 − 84.4, seed 3: 89.3 − 84.6; t with one degree of freedom is 12.706, times 0.05.
  const paired = told([...exits, ...vanillas]);
  assert.match(
    paired,
    /4\.99 points above vanilla's; here `exit` 4\.75 points above \(95 % .* from \+4\.11 to \+5\.39 points, paired over 2/,
  );
  // One run of the baseline: 0.724 points of standard error for it, 0.1/√3 for the three.
  const alone = told([...exits, vanillas[0]]);
  assert.match(alone, /`exit` 4\.80 points above \(standard error 0\.73 points\)\. One run of vanilla/);
  assert.doesNotMatch(told(exits), /Against vanilla/);
});

Deno.test("adaptive depth is set against fixed depth seed by seed", () => {
  const runs = [1, 2, 3].flatMap((seed) => [
    madeResult({ variant: "exit", seed, accuracies: [0.89 + 0.001 * seed], depths: [4] }),
    madeResult({ variant: "repeat-5", seed, accuracies: [0.88 + 0.002 * seed], depths: [4] }),
  ]);
  // Differences 0.9, 0.8 and 0.7 points.
  // Their standard error is 0.1/√3 points, and t with 2 degrees of freedom 4.303.
  assert.match(told(runs), /`exit` is 0\.80 points above `repeat-5`.* 3 seeds, paired, .* from \+0\.55 to \+1\.05/);
  assert.match(told(runs.slice(0, 2)), /One seed tells nothing certain/);
});

Deno.test("times are compared as ratios, only where vanilla was timed", () => {
  const runs = [
    madeResult({ variant: "exit", accuracies: [0.9], depths: [4] }),
    // Not the one that was timed.
    madeResult({ variant: "exit", seed: 43, accuracies: [0.9], depths: [6] }),
    madeResult({ variant: "vanilla", accuracies: [0.85] }),
  ];
  assert.match(
    told(runs, { exit: 2.5, vanilla: 1 }),
    /1\.49 times as fast as vanilla's, here 2\.50 times for `exit` at 5\.0 mean steps\./,
  );
  assert.doesNotMatch(told(runs, { exit: 2.5 }), /Time/);
});

Deno.test("runs that are not the paper's say so and are not compared with it", () => {
  const runs = [madeResult({ variant: "exit", accuracies: [0.6], depths: [1], limitBatches: 5, test: 0.59 })];
  assert.deepEqual(deviationsFromPaper(runs, PAPER_REVIEWS), ["5 training batches an epoch"]);
  assert.deepEqual(deviationsFromPaper(runs, { train: 360, validation: 40 }).slice(1), [
    "360 training reviews instead of 22,500",
    "40 validation reviews instead of 2,500",
  ]);
  const sentences = told(runs, { exit: 2, vanilla: 1 }, false);
  assert.doesNotMatch(sentences, /paper's/);
  assert.match(sentences, /\*\*Test reviews, `exit`:\*\* 59\.00 %/);
});
