import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "../cli/run_program.ts";

const SHARED = Deno.env.get("EPSILON_SHARED") ?? fileURLToPath(new URL("../../../shared", import.meta.url));
const ARCHIVE = resolve(SHARED, "data", "aclImdb-train.tar.gz");
const MISSING = !existsSync(ARCHIVE);
const IN_CI = Deno.env.get("CI") === "true";
const CARD = new URL("../../docs/model-card.md", import.meta.url);

/** What stands in the card's table beside `figure`. */
function cardValue(card: string, figure: string): string {
  const line = card.split("\n").find((line) => line.startsWith(`| ${figure}`));
  assert.ok(line !== undefined, `the card has no row ${figure}`);
  return line.split("|")[2].trim();
}

Deno.test({
  name: "the model card says what evaluate says of the built-in model on the real reviews" +
    (MISSING && !IN_CI ? ": skipped, the folder beside the checkout has no data/aclImdb-train.tar.gz" : ""),
  // Where everything is meant to be proved, missing data are a failure.
  ignore: MISSING && !IN_CI,
  fn: async () => {
    assert.ok(!MISSING, "the shared data are missing: put data/aclImdb-train.tar.gz there or set EPSILON_SHARED");
    const card = await Deno.readTextFile(CARD);
    const args = ["--data", ARCHIVE, "--numerics", "strict", "--device", "cpu", "--progress", "off", "--json"];
    const { code, stdout, stderr } = await runProgram(["evaluate", ...args]);
    assert.equal(code, 0, stderr);
    const found = JSON.parse(stdout);
    const percent = (share: number) => (100 * share).toFixed(2);
    assert.equal(cardValue(card, "SHA-256"), `\`${found.model_sha256}\``);
    assert.equal(cardValue(card, "reviews"), String(found.reviews));
    assert.equal(cardValue(card, "accuracy"), `${percent(found.accuracy)} %`);
    const interval = `${percent(found.accuracy_lower)} to ${percent(found.accuracy_upper)} %`;
    assert.equal(cardValue(card, "95 % interval"), interval);
    assert.equal(cardValue(card, "cross-entropy"), found.task_loss.toFixed(4));
    assert.equal(cardValue(card, "expected calibration error"), `${percent(found.ece)} %`);
    assert.equal(cardValue(card, "maximum calibration error"), `${percent(found.mce)} %`);
    assert.equal(cardValue(card, "Brier score"), found.brier.toFixed(4));
    assert.equal(cardValue(card, "mean halting depth"), found.halting_depth_mean.toFixed(3));
    assert.ok(found.accuracy_lower > 0.88, "the shipped model must beat 88 % on reviews that it was not trained on");
  },
});
