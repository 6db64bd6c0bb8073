import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram, withFolder } from "./run_program.ts";

Deno.test("resonance bench prints gain and loss every ten steps and the end, the same each time, and what was published", async () => {
  const run = () => runProgram(["resonance", "bench", "--steps", "200", "--verbose"]);
  const { code, stdout, stderr } = await run();
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 26);
  lines.slice(0, 20).forEach((line, i) => {
    assert.match(line, new RegExp(`^step +${10 * (i + 1)}  gain 0\\.\\d{4}  loss 0\\.\\d{4}$`));
  });
  assert.match(stdout, /published code +loss 0\.1183, gain 0\.0637/);
  assert.match(stdout, /its documentation +loss 0\.0012, gain decaying/);
  assert.equal((await run()).stdout, stdout);
  const json = JSON.parse((await runProgram(["resonance", "bench", "--json", "--sr-patience", "1"])).stdout);
  assert.deepEqual([json.steps, json.dim, json.seed, json.patience], [100, 128, 42, 1]);
  assert.ok(json.final_loss < json.first_loss && !("points" in json));
});

Deno.test("resonance info tells the documentation's claim and what the published code gives", async () => {
  const { code, stdout } = await runProgram(["resonance", "info"]);
  assert.equal(code, 0);
  for (const figure of ["0.0012", "0.1183", "0.0637", "0.2198", "0.0256", "1.40e-4", "0.3208"]) {
    assert.ok(stdout.includes(figure), figure);
  }
  const { defaults, published } = JSON.parse((await runProgram(["resonance", "info", "--json"])).stdout);
  assert.equal(defaults.patience, 2);
  assert.equal(published.given.length, 3);
});

Deno.test("resonance bench --controls writes table, chart and specification, and compares by seed", async () => {
  await withFolder(async (folder) => {
    const size = ["--steps", "40", "--dim", "8", "--seeds", "3"];
    const out = join(folder, "made", "here");
    const { code, stdout, stderr } = await runProgram([
      "resonance",
      "bench",
      ...size,
      "--controls",
      "--out",
      out,
      "--json",
    ]);
    assert.equal(code, 0, stderr);
    const { controls } = JSON.parse(stdout);
    assert.equal(controls.length, 12);
    assert.equal(controls[0].difference, null);
    assert.deepEqual([controls[1].variant, controls[1].difference.method], ["no-noise", "paired"]);
    const table = (await Deno.readTextFile(join(out, "controls.csv"))).trimEnd().split("\n");
    assert.equal(table[0], "surface,variant,seed,step,gain,loss,distance");
    assert.equal(table.length, 1 + 12 * 3 * 21);
    assert.match(await Deno.readTextFile(join(out, "controls.svg")), /^<svg /);
    assert.ok(JSON.parse(await Deno.readTextFile(join(out, "controls.vl.json"))).data.values.length > 0);
  });
});

Deno.test("bad numbers of the benchmark get one clear line", async () => {
  for (
    const [flags, message] of [
      [["--steps", "0"], /Cannot use --steps: "0"/],
      [["--dim", "x"], /Cannot use --dim: "x"/],
      [["--seed", "-1"], /Cannot use --seed: "-1"/],
      [["--seeds", "1"], /Cannot use --seeds: "1"/],
      [["--out", "here"], /Give --controls as well/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(["resonance", "bench", ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});
