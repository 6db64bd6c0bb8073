import assert from "node:assert/strict";
import { Workplace } from "./small_training.ts";

const AIDS = ["--sr", "state", "--sr-window", "3", "--ars", "paper", "--ars-window", "4", "--ars-guard", "lag1"];

Deno.test("aids stand in run.json and metrics.csv, and a run cut short resumes to the same bytes", async () => {
  await using place = await Workplace.make();
  for (const device of ["reference", "cpu"]) {
    const flags = [...AIDS, "--device", device, "--epochs", "4", "--checkpoint-every", "3"];
    const whole = await place.train(`whole-${device}`, ...flags);
    assert.equal(whole.code, 0, whole.stderr);
    const child = place.spawn(place.trainArguments(`cut-${device}`, ...flags));
    const drained = child.stdout.pipeTo(new WritableStream());
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      said += next.value;
      if (said.includes("epoch 1/4")) break;
    }
    child.kill("SIGKILL");
    await reader.cancel();
    await drained;
    await child.status;
    const resumed = await place.run("train", "--resume", `cut-${device}`);
    assert.equal(resumed.code, 0, resumed.stderr);
    const [found, wanted] = [await place.snapshot(`cut-${device}`), await place.snapshot(`whole-${device}`)];
    for (const name of ["metrics.csv", "last.safetensors"]) assert.equal(found.get(name), wanted.get(name), name);
  }
  const { recipe, configuration } = JSON.parse(await place.read("whole-cpu", "run.json"));
  assert.deepEqual([recipe.sr, recipe.srWindow, recipe.ars, recipe.arsAlpha], ["state", 3, "paper", 2]);
  assert.deepEqual(configuration["ars-window"], { value: 4, origin: "flag" });
  const metrics = await place.read("whole-cpu", "metrics.csv");
  for (const name of ["sr_gain", "sr_noise", "ars_psi", "ars_phi", "ars_rho1", "ars_chi", "effective_beta1"]) {
    assert.match(metrics, new RegExp(`,28,,train,${name},[0-9.e-]+\n`));
  }
  const again = await place.run("train", "--resume", "cut-cpu", "--ars", "memo");
  assert.equal(again.code, 2);
  assert.match(again.stderr, /ars is paper in the run, memo was given/);
});

Deno.test("the memo's and the presets' numbers are the published ones, and single ones can be changed", async () => {
  await using place = await Workplace.make();
  const cases: readonly (readonly [readonly string[], Readonly<Record<string, unknown>>])[] = [
    [["--ars", "memo"], { arsWindow: 100, arsAlpha: 1, arsPhiMin: 0.1, arsJitter: 0.1, arsThreshold: undefined }],
    [["--ars", "paper"], { arsWindow: 50, arsAlpha: 2, arsPhiMin: 0.1, arsJitter: 0.01, arsThreshold: 0.7 }],
    [["--ars", "paper", "--ars-preset", "optimized", "--ars-alpha", "3"], { arsAlpha: 3, arsThreshold: 0.75 }],
    [["--ars", "memo", "--ars-guard", "permutation", "--ars-layers", "chi, psi"], { arsLayers: "psi,chi" }],
  ];
  for (const [number, [flags, wanted]] of cases.entries()) {
    const { code, stderr } = await place.train(`run-${number}`, ...flags, "--epochs", "1", "--limit-batches", "1");
    assert.equal(code, 0, stderr);
    const { recipe } = JSON.parse(await place.read(`run-${number}`, "run.json"));
    for (const [key, value] of Object.entries(wanted)) assert.equal(recipe[key], value, key);
  }
});

Deno.test("an aid that cannot be is refused in one line before anything is made", async () => {
  await using place = await Workplace.make();
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--ars", "memo", "--ars-window", "1"], /Cannot use --ars-window: "1"\. Give a whole number from 3/],
    [["--ars", "memo", "--ars-layers", "psi,zeta"], /Cannot use --ars-layers: "psi,zeta"\. Give some of psi,phi,chi/],
    [["--ars", "memo", "--ars-layers", "chi"], /Cannot use layer chi without psi/],
    [["--ars", "memo", "--ars-preset", "optimized"], /Cannot use --ars-preset without --ars paper/],
    [["--ars-alpha", "1"], /Cannot use --ars-alpha without --ars/],
    [["--sr-patience", "1"], /Cannot use --sr-patience without --sr/],
    [["--sr", "weights"], /Cannot use --sr: "weights"/],
    [["--sr", "state", "--sr-base-gain", "0.5"], /Cannot use the gains: minimum 0\.005, base 0\.5, maximum 0\.3/],
    [
      ["--ars", "paper", "--ars-guard", "permutation", "--ars-window", "20"],
      /Cannot judge patterns of 4 in a window of 20/,
    ],
  ];
  for (const [flags, message] of cases) {
    const { code, stdout, stderr } = await place.train("run", ...flags);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
  assert.equal((await place.snapshot(".")).has("run"), false);
});
