import assert from "node:assert/strict";
import { placedCommands } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ALL_INSTRUMENTS, writeRun } from "../report/made_runs.ts";
import { withFolder } from "./run_program.ts";
import { Workplace } from "./small_training.ts";

/** Commands whose result is a text in a language of its own, and one that only fills run folders. */
const WITHOUT = ["ablate run", "completions", "man"];

Deno.test("every command that prints a result takes --json", () => {
  const without = placedCommands(COMMANDS)
    .filter(({ command }) => !command.spec.options?.some(({ flags }) => flags === "--json"))
    .map(({ path }) => path.join(" "));
  assert.deepEqual(without, WITHOUT);
});

Deno.test("JSON results of whole commands are one document with a version", async () => {
  await using place = await Workplace.make();
  const results: readonly (readonly [readonly string[], readonly string[]])[] = [
    [place.trainArguments("run"), ["run", "folder", "outcome", "epochs", "steps", "best", "validation"]],
    [["evaluate", "run", "--device", "reference"], ["checkpoint", "model_sha256", "split", "accuracy"]],
    [["evaluate", "run", "--device", "reference", "--halt-threshold", "1"], ["kl_scale", "thresholds"]],
    [["diagnose", "run", "--device", "reference", "--instruments", "confusion"], ["files", "summary"]],
    [["compare", "run"], ["runs", "configurations"]],
    [["plot", "run", "--chart", "loss"], ["chart", "files", "specification"]],
    [["plot", "--list"], ["charts"]],
    [["watch", "run", "--once"], ["run", "outcome", "step", "epoch", "train", "validation"]],
    [["report", "run"], ["page", "title", "runs", "specifications"]],
    [["data", "info", "--data", "reviews.csv"], ["reviews", "data_sha256"]],
    [["data", "prepare", "--data", "reviews.csv"], ["reviews", "cache"]],
    [["verify", "--device", "reference"], ["device", "pass", "values"]],
    [["doctor", "--device", "reference"], ["epsilon", "deno", "self_test", "adapters"]],
  ];
  for (const [args, keys] of results) {
    const { code, stdout, stderr } = await place.run(...args, "--json");
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    const document = JSON.parse(stdout);
    assert.equal(document.version, 1, args.join(" "));
    assert.deepEqual(keys.filter((key) => !(key in document)), [], args.join(" "));
  }
});

Deno.test("JSON lines carry the version in each line, and an input's own version steps aside", async () => {
  await using place = await Workplace.make();
  await withFolder(async (folder) => {
    await writeRun(`${folder}/a`, { name: "first", instruments: ALL_INSTRUMENTS });
    const exported = await place.run("export", `${folder}/a`, "--json");
    const lines = exported.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.length > 1 && lines.every(({ version }) => version === 1));
    await Deno.writeTextFile(`${folder}/texts.jsonl`, '{"version":"2.0","text":"A moving film."}\n');
    const args = ["classify", "--device", "cpu", "--threads", "1", "--file", `${folder}/texts.jsonl`];
    const classified = JSON.parse((await place.run(...args, "--text-key", "text")).stdout);
    assert.deepEqual([classified.version, classified.input_version], [1, "2.0"]);
  });
});
