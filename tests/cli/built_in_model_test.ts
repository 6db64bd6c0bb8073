import assert from "node:assert/strict";
import { DataError } from "../../src/errors.ts";
import { loadTokenizer } from "../../src/data/tokenizer.ts";
import { loadedCheckpoint } from "../../src/model/checkpoint_file.ts";
import { loadShippedModel } from "../../src/model/shipped_model.ts";
import { runProgram, runShell, withFolder } from "./run_program.ts";

const FILE = new URL("../../fixtures/model/epsilon.safetensors", import.meta.url);
const CARD = new URL("../../docs/model-card.md", import.meta.url);

/** Typed, not taken from any data set, and not used to choose the model. */
const CLEAR = {
  positive: [
    "A warm, clever and beautifully made film with wonderful performances. I loved it and would see it again.",
    "An excellent story, superbly acted and perfectly paced. One of the best films of the year.",
    "A great, moving drama. The cast is brilliant, and the ending is simply unforgettable.",
  ],
  negative: [
    "A dull, predictable mess with terrible acting. I was bored from the first minute to the last.",
    "The worst film I have seen in years: an awful script, poor effects and a pointless ending.",
    "What a waste of time and money. Nothing about this boring, badly written movie works.",
  ],
};

Deno.test("without a checkpoint the built-in model labels clear texts rightly, and says so in one line", async () => {
  const texts = [...CLEAR.positive, ...CLEAR.negative];
  const { code, stdout, stderr } = await runProgram(["classify", "--device", "cpu", "--json", ...texts]);
  assert.equal(code, 0, stderr);
  const { checkpoint: { details }, sha256 } = await loadShippedModel();
  assert.equal(stderr, `Using the built-in model, ${details.run}; --checkpoint takes another one.\n`);
  const results = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(results.map(({ label }) => label), [
    ...CLEAR.positive.map(() => "positive"),
    ...CLEAR.negative.map(() => "negative"),
  ]);
  for (const result of results) assert.deepEqual([result.model, result.model_sha256], [details.run, sha256]);
});

Deno.test("the built-in model is small, holds weights only, and its card and doctor name its hash", async () => {
  const { size } = await Deno.stat(FILE);
  assert.ok(size <= 1_600_000, `${size} bytes`);
  const { checkpoint, sha256 } = await loadShippedModel();
  assert.equal(checkpoint.state.optimizer, undefined);
  assert.equal(checkpoint.vocabularyHash, (await loadTokenizer()).vocabularyHash);
  assert.ok((await Deno.readTextFile(CARD)).includes(sha256));
  const { stdout } = await runProgram(["doctor", "--device", "cpu", "--json"]);
  assert.deepEqual(JSON.parse(stdout).model, { model: checkpoint.details.run, model_sha256: sha256 });
});

Deno.test("a built-in model with any damage is refused", async () => {
  const whole = await Deno.readFile(FILE);
  const refused = (bytes: Uint8Array) =>
    assert.rejects(loadedCheckpoint(bytes, "model"), (error) => error instanceof DataError && error.hint !== "");
  for (const place of [0, 7, 8, 100, 3000, whole.length >> 1, whole.length - 1]) {
    const bytes = whole.slice();
    bytes[place] ^= 1;
    await refused(bytes);
  }
  for (const length of [0, 7, 1000, whole.length - 1]) await refused(whole.subarray(0, length));
});

Deno.test("the built-in model refuses another vocabulary", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/vocab.txt`, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nfilm\n");
    const { code, stderr } = await runProgram(["classify", "--vocabulary", `${folder}/vocab.txt`, "film"]);
    assert.equal(code, 3);
    assert.match(stderr, /^error: Cannot use the built-in model with this vocabulary: /);
  });
});

Deno.test("evaluate judges the built-in model on any reviews, but not on a split that it does not have", async () => {
  const judged = await runProgram(["evaluate", "--split", "all", "--device", "cpu", "--progress", "off", "--json"], {
    env: { XDG_DATA_HOME: "/nonexistent" },
  });
  assert.equal(judged.code, 0, judged.stderr);
  assert.match(judged.stderr, /^Using the built-in model, /);
  const { reviews, accuracy, accuracy_lower: lower, accuracy_upper: upper } = JSON.parse(judged.stdout);
  assert.equal(reviews, 400);
  // 400 reviews that nobody trained on; a coin lies above 0.6 with a probability of 4 standard errors.
  assert.ok(accuracy > 0.6 && lower < accuracy && accuracy < upper, judged.stdout);
  const held = await runProgram(["evaluate", "--progress", "off"], { env: { XDG_DATA_HOME: "/nonexistent" } });
  assert.equal(held.code, 3);
  assert.match(held.stderr, /error: Cannot tell the validation reviews of the built-in model: it was trained on data/);
});

Deno.test("a terminal is told how to type texts", { ignore: Deno.build.os !== "linux" }, async () => {
  const inTerminal = 'printf "film\\n" | script -qec "$(printf "%q " "$@")" /dev/null';
  const { code, stdout } = await runShell(inTerminal, ["classify", "--device", "cpu", "-"]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /Type one text a line; end with Ctrl-D\./);
  assert.match(stdout, /(positive|negative) .* film/);
});
