import assert from "node:assert/strict";
import { ALL_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { SHADERS } from "../../src/engine/gpu/shaders.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { SOFTWARE_GPU, TEST_GPU } from "./gpu_adapter.ts";
import { GpuProbe, withShader } from "./gpu_probe.ts";

const cases = [6, 206].map((seed) => {
  const found = ALL_CASES.find((agreement) => agreement.seed === seed);
  assert(found !== undefined);
  return buildCase(found);
});

/** Weights after three steps, the same bytes twice, and the forms of the kernels that made them. */
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
    return { forms: [...engine.model.forms], parameters: runs[0] };
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
      `${built.config.model}: subgroups, where the adapter has them, give what workgroups give without them, the same bytes each time`,
    ignore: !TEST_GPU,
    fn: async () => {
      const usual = await trained(built);
      using _ = withoutSubgroups();
      const without = await trained(built);
      assert.deepEqual(without.forms, SOFTWARE_GPU ? ["inStorage"] : []);
      assert(tensorError(usual.parameters, without.parameters, norm(without.parameters)) < 1e-6);
    },
  });
}

for (
  const [form, what, from, to] of [
    ["subgroups", "refuses the kernel", "subgroupMin(tid)", "subgroupMin(tidings)"],
    ["subgroups", "sums by subgroups wrongly", "let sum = subgroupAdd(value);", "let sum = value;"],
    ["subgroups", "lays subgroups otherwise than side by side", "sums[tid / size] = sum;", "sums[0] = sum;"],
    ["together", "refuses the kernel", "subgroupMin(thread)", "subgroupMin(threads)"],
    ["together", "has subgroups of four", "subgroupBroadcast(own, 4u)", "subgroupBroadcast(own, 0u)"],
    ["together", "lets a subgroup's threads end apart", "return k - lane < count;", "return k < count;"],
  ] as const
) {
  Deno.test({
    name: `an adapter that ${what} has its kernels without the form ${form}`,
    ignore: !TEST_GPU,
    fn: async () => {
      const { file, source } = SHADERS[form];
      assert(source.includes(from));
      using _ = withShader(file, (text) => text.replace(from, to));
      const engine = await GpuProbe.open(cases[0].config);
      try {
        assert.equal(engine.model.forms.has(form), false);
      } finally {
        await engine.close();
      }
    },
  });
}
