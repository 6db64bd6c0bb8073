import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Workplace } from "../cli/small_training.ts";

const SHARED = Deno.env.get("EPSILON_SHARED") ?? fileURLToPath(new URL("../../../shared", import.meta.url));
const ARCHIVE = resolve(SHARED, "data", "aclImdb-train.tar.gz");
const MISSING = !existsSync(ARCHIVE);
const IN_CI = Deno.env.get("CI") === "true";

/**
 * 300 steps of batch 32: two fifths of the paper's first epoch, at a rate that learns quickly. Seeds 1, 2, 3 and 42
 * ended at 86.6 to 87.4 %; guessing gives 50 %, with a standard error of 1 % on 2,500 reviews.
 */
const RECIPE = [
  ["--epochs", "1"],
  ["--limit-batches", "300"],
  ["--learning-rate", "0.01"],
  ["--warmup-steps", "30"],
  ["--halting", "exit"],
  ["--threads", "2"],
  ["--seed", "1"],
].flat();
const FLOOR = 0.8;

Deno.test({
  name: `300 steps on the real reviews classify at least ${100 * FLOOR} % of the held-out ones` +
    (MISSING && !IN_CI ? `: skipped, the folder beside the checkout has no data/aclImdb-train.tar.gz` : ""),
  // Where everything is meant to be proved, missing data are a failure.
  ignore: MISSING && !IN_CI,
  fn: async () => {
    assert.ok(!MISSING, "the shared data are missing: put data/aclImdb-train.tar.gz there or set EPSILON_SHARED");
    await using place = await Workplace.make();
    const trained = await place.run("train", "--data", ARCHIVE, ...RECIPE, "--out", "run", "--json");
    assert.equal(trained.code, 0, trained.stderr);
    const { steps, validation } = JSON.parse(trained.stdout);
    assert.equal(steps, 300);
    assert.ok(validation.accuracy >= FLOOR, `accuracy ${validation.accuracy}`);
    // Halting is neither switched off nor collapsed to the first step.
    assert.ok(validation.halting_depth_mean > 0.1 && validation.halting_depth_mean < 6.9, trained.stdout);
    const evaluated = await place.run("evaluate", "run", "--json");
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const { accuracy, reviews } = JSON.parse(evaluated.stdout);
    assert.deepEqual([accuracy, reviews], [validation.accuracy, 2500]);
  },
});
