import assert from "node:assert/strict";
import { ALL_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { SHADERS } from "../../src/engine/gpu/shaders.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { TEST_GPU } from "./gpu_adapter.ts";
import { GpuProbe, withShader } from "./gpu_probe.ts";

const cases = [6, 206].map((seed) => {
  const found = ALL_CASES.find((agreement) => agreement.seed === seed);
  assert(found !== undefined);
  return buildCase(found);
});

/** Weights after three steps, the same bytes twice, and whether sums are made by subgroups. */
async function trained({ config, state, batch, settings }: BuiltCase) {
  const engine = await GpuProbe.open(config);
  try {
    const runs = [];
    for (let run = 0; run < 2; run++) {
      await engine.upload(state);
      for (let step = 0; step < 3; step++) await engine.trainStep(batch, settings);
      runs.push((await engine.download()).weights.parameters);
    }
    assert.deepEqual(runs[0], runs[1]);
    return { subgroups: engine.model.forms.has("subgroups"), parameters: runs[0] };
  } finally {
    await engine.close();
  }
}

/** Lets adapters of this process refuse a device with subgroups until it is disposed of. */
function withoutSubgroups(): Disposable {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const features = [...descriptor?.requiredFeatures ?? []];
    if (features.includes("subgroups")) {
      throw new TypeError("requiredFeatures must be a subset of the adapter features");
    }
    return await requestDevice.call(this, descriptor);
  };
  return { [Symbol.dispose]: () => void (GPUAdapter.prototype.requestDevice = requestDevice) };
}

for (const built of cases) {
  Deno.test({
    name:
      `${built.config.model}: sums by subgroups, where the adapter has them, give what the tree gives, the same bytes each time`,
    ignore: !TEST_GPU,
    fn: async () => {
      const usual = await trained(built);
      using _ = withoutSubgroups();
      const tree = await trained(built);
      assert.equal(tree.subgroups, false);
      assert(tensorError(usual.parameters, tree.parameters, norm(tree.parameters)) < 1e-6);
    },
  });
}

for (
  const [what, from, to] of [
    ["refuses the kernel", "subgroupMin(tid)", "subgroupMin(tidings)"],
    ["sums by subgroups wrongly", "let sum = subgroupAdd(value);", "let sum = value;"],
    ["lays subgroups otherwise than side by side", "sums[tid / size] = sum;", "sums[0] = sum;"],
  ] as const
) {
  Deno.test({
    name: `an adapter that ${what} gets the tree`,
    ignore: !TEST_GPU,
    fn: async () => {
      const { file, source } = SHADERS.subgroups;
      assert(source.includes(from));
      using _ = withShader(file, (text) => text.replace(from, to));
      const engine = await GpuProbe.open(cases[0].config);
      try {
        assert.equal(engine.model.forms.has("subgroups"), false);
      } finally {
        await engine.close();
      }
    },
  });
}
