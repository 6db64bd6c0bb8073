import assert from "node:assert/strict";
import type { ModelConfig } from "../../src/model/config.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { TOLERANCES, type VerificationRow, verifyGolden } from "../../src/engine/verification.ts";
import { goldenPaths, parseGolden, readGolden } from "../../src/model/golden.ts";
import { learningRateAt } from "../../src/train/schedule.ts";
import { HAS_INDEPENDENT_GOLDENS, INDEPENDENT_GOLDENS, OWN_GOLDENS } from "../model/golden_files.ts";

const createEngine = (config: ModelConfig) => Promise.resolve(new ReferenceEngine(config));

async function verify(path: string): Promise<VerificationRow[]> {
  const golden = await readGolden(path);
  return await verifyGolden(golden, createEngine, {
    tolerance: TOLERANCES.float64,
    learningRate: (step, { learningRate: peak, warmupSteps, totalSteps }) =>
      learningRateAt(step, { peak, warmupSteps, totalSteps }),
  });
}

for (const name of ["epsilon-exit", "epsilon-soft", "epsilon-soft-binfreq2", "trajectory-soft", "vanilla"]) {
  Deno.test({
    name: `the reference reproduces the independent values of ${name} within 1e-9`,
    ignore: !HAS_INDEPENDENT_GOLDENS,
    fn: async () => {
      const rows = await verify(`${INDEPENDENT_GOLDENS}/${name}.json`);
      assert(rows.length >= 43);
      assert.deepEqual(rows.filter((row) => !row.pass), []);
    },
  });
}

Deno.test("the reference reproduces the values that come with the program within 1e-9", async () => {
  const paths = await goldenPaths(OWN_GOLDENS);
  assert.equal(paths.length, 8);
  for (const path of paths) assert.deepEqual((await verify(path)).filter((row) => !row.pass), []);
});

/** One value of each expected quantity is changed a little; exactly the rows that depend on it must fail. */
const CHANGES: readonly (readonly [row: string, path: readonly (string | number)[]])[] = [
  ["logits", ["logits", "data", 3]],
  ["step_probabilities", ["step_probabilities", 0, "data", 5]],
  ["halting_steps", ["halting_steps", 3, 1]],
  ["bin_assignment_step0", ["bin_assignment_step0", 1, "data", 2]],
  ["attention_step0", ["attention_step0", 2, "data", 4]],
  ["state_step0", ["state_step0", 3, "data", 7]],
  ["losses.total", ["losses", "total"]],
  ["losses.task", ["losses", "task"]],
  ["losses.kl", ["losses", "kl"]],
  ["losses.entropy", ["losses", "entropy"]],
  ["gradient embedding.weight", ["gradients", "embedding.weight", "data", 23]],
  ["gradient halting_fcs.3.bias", ["gradients", "halting_fcs.3.bias", "data", 0]],
  ["gradient epsilon_block.ffn.linear2.weight_orig", [
    ...["gradients", "epsilon_block.ffn.linear2.weight_orig", "data"],
    9,
  ]],
];

Deno.test("other noise spoils losses and gradients of a golden pass with noise, and nothing else", async () => {
  const content = JSON.parse(await Deno.readTextFile(`${OWN_GOLDENS}/epsilon-noise-state.json`));
  content.noise.seed++;
  const rows = await verifyGolden(parseGolden(JSON.stringify(content), "other.json"), createEngine, {
    tolerance: TOLERANCES.float64,
  });
  const failed = rows.filter((row) => !row.pass).map((row) => row.quantity);
  assert(failed.includes("losses.total") && failed.includes("gradient embedding.weight"));
  assert(failed.every((quantity) => /^(losses|gradient)\b/.test(quantity)), failed.join(", "));
});

for (const [quantity, path] of CHANGES) {
  Deno.test(`verification notices one wrong value in ${quantity}`, async () => {
    const content = JSON.parse(await Deno.readTextFile(`${OWN_GOLDENS}/epsilon-soft-odd.json`));
    const holder = path.slice(0, -1).reduce((value, key) => value[key], content.expected);
    const last = path[path.length - 1];
    holder[last] = quantity === "halting_steps" ? holder[last] - 1 : holder[last] + 1e-4;
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify(content));
      assert.deepEqual((await verify(file)).filter((row) => !row.pass).map((row) => row.quantity), [quantity]);
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("verification notices a wrong step and wrong final weights of a trajectory", async () => {
  const content = JSON.parse(await Deno.readTextFile(`${OWN_GOLDENS}/trajectory-exit.json`));
  content.expected.steps[5].grad_norm += 1e-6;
  content.expected.steps[6].lr *= 1 + 1e-6;
  content.expected.final_params["epsilon_block.ffn.linear1.weight_u"].data[2] += 1e-6;
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(content));
    const failed = (await verify(file)).filter((row) => !row.pass).map((row) => row.quantity);
    for (const wanted of ["steps grad_norm", "steps lr", "final epsilon_block.ffn.linear1.weight_u"]) {
      assert(failed.includes(wanted), `${wanted} not in ${failed.join(", ")}`);
    }
  } finally {
    await Deno.remove(file);
  }
});

for (
  const [quantity, path] of [
    ["logits", ["logits"]],
    ["losses.task", ["losses", "task"]],
    ["gradient embed.weight", ["gradients", "embed.weight"]],
    ["gradient blocks.1.attn.in_proj_weight", ["gradients", "blocks.1.attn.in_proj_weight"]],
    ["gradient blocks.2.ffn.3.bias", ["gradients", "blocks.2.ffn.3.bias"]],
  ] as const
) {
  Deno.test(`verification notices one wrong value of the vanilla model in ${quantity}`, async () => {
    const content = JSON.parse(await Deno.readTextFile(`${OWN_GOLDENS}/vanilla-odd.json`));
    const [holder, name] = path.length === 1
      ? [content.expected[path[0]].data, 2]
      : quantity === "losses.task"
      ? [content.expected.losses, "task"]
      : [content.expected.gradients[path[1]].data, 2];
    holder[name] += 1e-4;
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify(content));
      assert.deepEqual((await verify(file)).filter((row) => !row.pass).map((row) => row.quantity), [quantity]);
    } finally {
      await Deno.remove(file);
    }
  });
}
