import assert from "node:assert/strict";
import { resolveOptions } from "../../src/cli/configuration.ts";
import { recipeOf } from "../../src/cli/run_configuration.ts";
import { modelDefaults, TRAIN_OPTIONS } from "../../src/cli/train.ts";
import { UsageError } from "../../src/errors.ts";
import { PAPER_RECIPE, type TrainConfig } from "../../src/train/config.ts";
import { Workplace } from "./small_training.ts";

const AIDS = [
  ...["--sr", "state", "--sr-window", "3", "--ars", "paper", "--ars-window", "4", "--ars-guard", "lag1"],
  ...["--retain", "10", "--retain-gamma", "0.1", "--retain-at", "5", "--retain-batches", "1"],
];

Deno.test("aids stand in run.json and metrics.csv, and a run cut short resumes to the same bytes", async () => {
  await using place = await Workplace.make();
  const flags = [...AIDS, "--device", "cpu", "--epochs", "4", "--checkpoint-every", "3"];
  const whole = await place.train("whole", ...flags);
  assert.equal(whole.code, 0, whole.stderr);
  const child = place.spawn(place.trainArguments("cut", ...flags));
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
  const resumed = await place.run("train", "--resume", "cut");
  assert.equal(resumed.code, 0, resumed.stderr);
  const [found, wanted] = [await place.snapshot("cut"), await place.snapshot("whole")];
  for (const name of ["metrics.csv", "last.safetensors"]) assert.equal(found.get(name), wanted.get(name), name);
  const { recipe, configuration } = JSON.parse(await place.read("whole", "run.json"));
  assert.deepEqual([recipe.sr, recipe.srWindow, recipe.ars, recipe.arsAlpha], ["state", 3, "paper", 2]);
  assert.deepEqual(configuration["ars-window"], { value: 4, origin: "flag" });
  const metrics = await place.read("whole", "metrics.csv");
  for (
    const name of ["sr_gain", "sr_noise", "ars_psi", "ars_phi", "ars_rho1", "ars_chi", "effective_beta1", "retain_loss"]
  ) {
    assert.match(metrics, new RegExp(`,28,,train,${name},[0-9.e-]+\n`));
  }
  const again = await place.run("train", "--resume", "cut", "--ars", "memo");
  assert.equal(again.code, 2);
  assert.match(again.stderr, /ars is paper in the run, memo was given/);
});

/** The recipe that `epsilon train` makes of flags, given by their camel-case keys. */
function recipeFor(flags: Readonly<Record<string, string>>): TrainConfig {
  const sources = { flags: new Map(Object.entries(flags)), assignments: [], environment: () => undefined };
  const resolved = resolveOptions(TRAIN_OPTIONS, sources);
  return recipeOf({ ...resolved, values: { ...resolved.values, ...modelDefaults(resolved) } });
}

Deno.test("the numbers of memo and presets are the published ones, and single ones can be changed", () => {
  const memo = { arsWindow: 100, arsAlpha: 1, arsPhiMin: 0.1, arsJitter: 0.1 };
  const cases: readonly (readonly [Readonly<Record<string, string>>, Partial<TrainConfig>])[] = [
    [{ ars: "memo" }, { ars: "memo", arsGuard: "lag1", arsLayers: "psi,phi,chi", ...memo }],
    [{ ars: "paper" }, { arsWindow: 50, arsAlpha: 2, arsPhiMin: 0.1, arsJitter: 0.01, arsThreshold: 0.7 }],
    [{ ars: "paper", arsPreset: "optimized", arsAlpha: "3" }, { arsAlpha: 3, arsPhiMin: 0.3, arsThreshold: 0.75 }],
    [{ ars: "paper", arsGuard: "permutation" }, { arsWindow: 100, arsAlpha: 2, arsThreshold: 0.3 }],
    [{ ars: "memo", arsGuard: "permutation", arsLayers: "chi, psi" }, { ...memo, arsLayers: "psi,chi" }],
    [{ sr: "embedding" }, { sr: "embedding", srMetric: "loss", srWindow: 50, srPatience: 2, srBaseGain: 0.02 }],
    [{ retainGamma: "0.5" }, { retain: 0, retainGamma: 0.5, retainAt: 300, retainBatches: 4, retainDirections: 4 }],
  ];
  for (const [flags, wanted] of cases) {
    const recipe = recipeFor(flags);
    for (const key of Object.keys(wanted) as (keyof TrainConfig)[]) assert.equal(recipe[key], wanted[key], key);
  }
  assert.equal("arsThreshold" in recipeFor({ ars: "memo" }), false);
  assert.deepEqual(recipeFor({}), PAPER_RECIPE);
});

Deno.test("an aid that cannot be is a usage error", () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ ars: "memo", arsWindow: "1" }, /Cannot use --ars-window: "1"/],
    [{ ars: "memo", arsLayers: "psi,zeta" }, /Cannot use --ars-layers: "psi,zeta"/],
    [{ ars: "memo", arsLayers: "chi" }, /Cannot use layer chi without psi/],
    [{ ars: "memo", arsPreset: "optimized" }, /Cannot use --ars-preset without --ars paper/],
    [{ ars: "memo", arsThreshold: "0.5" }, /Cannot use --ars-threshold without --ars paper/],
    [{ arsAlpha: "1" }, /Cannot use --ars-alpha without --ars/],
    [{ srPatience: "1" }, /Cannot use --sr-patience without --sr/],
    [{ retainAt: "3" }, /Cannot use --retain-at without --retain/],
    [{ sr: "weights" }, /Cannot use --sr: "weights"/],
    [{ sr: "state", srBaseGain: "0.5" }, /Cannot use the gains: minimum 0\.005, base 0\.5, maximum 0\.3/],
    [{ ars: "paper", arsGuard: "permutation", arsWindow: "20" }, /Cannot judge patterns of 4 in a window of 20/],
  ];
  for (const [flags, message] of cases) {
    assert.throws(() => recipeFor(flags), (error) => {
      assert.ok(error instanceof UsageError && error.hint.length > 0, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("an anchor behind the last step is refused in one line before anything is made", async () => {
  await using place = await Workplace.make();
  const { code, stdout, stderr } = await place.train("run", "--retain", "1", "--retain-at", "14");
  assert.deepEqual([code, stdout], [2, ""], stderr);
  assert.match(stderr, /before step 14: training has 14 optimizer steps/);
  assert.equal((await place.snapshot(".")).has("run"), false);
});
