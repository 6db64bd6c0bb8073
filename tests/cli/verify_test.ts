import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runProgram, withFolder } from "./run_program.ts";

const BUILT_IN = fileURLToPath(new URL("../../fixtures/goldens", import.meta.url));
const VERIFY = ["verify", "--device", "reference"];

Deno.test("the reference agrees with the golden values that are built in", async () => {
  const { code, stdout, stderr } = await runProgram(VERIFY);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^gradient embedding\.weight +\S+ +1\.0e-9 +ok/m);
  assert.match(stdout, /^final classification_head\.bias/m);
  assert.match(stdout, /^(\d+) of \1 values of 8 files agree on float64 reference/m);
});

Deno.test("every golden file of the repository is built into the program", async () => {
  const built = JSON.parse((await runProgram([...VERIFY, "--json"])).stdout);
  const files = (await Array.fromAsync(Deno.readDir(BUILT_IN))).map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  );
  assert.deepEqual(new Set(built.values.map(({ file }: { file: string }) => file)), new Set(files));
  assert.equal(built.pass, true);
  assert.match(built.device, /reference/);
});

Deno.test("a wrong golden value is a mismatch, exit code 5, and the worst error is named", async () => {
  await withFolder(async (folder) => {
    const golden = JSON.parse(await Deno.readTextFile(`${BUILT_IN}/epsilon-soft-odd.json`));
    golden.expected.logits.data[0] += 0.5;
    await Deno.writeTextFile(`${folder}/wrong.json`, JSON.stringify(golden));
    const { code, stdout, stderr } = await runProgram([...VERIFY, "--goldens", folder]);
    assert.equal(code, 5);
    assert.match(stdout, /^logits .*FAIL/m);
    assert.match(stderr, /^error: Verification failed: 1 of \d+ values; the worst is logits of .*wrong\.json/);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
  });
});

Deno.test("a folder of golden files that is missing, empty or broken is a data error", async () => {
  await withFolder(async (folder) => {
    const fails = async (args: readonly string[], pattern: RegExp) => {
      const { code, stdout, stderr } = await runProgram([...VERIFY, "--goldens", ...args]);
      assert.equal(code, 3, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, pattern);
    };
    await fails([`${folder}/missing`], /missing: no such file/);
    await fails([folder], /no golden file/);
    await Deno.writeTextFile(`${folder}/broken.json`, "{");
    await fails([folder], /broken\.json/);
    await Deno.writeTextFile(`${folder}/broken.json`, '{"kind":"epsilon"}');
    await fails([folder], /broken\.json/);
  });
});
