import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { openDevice, requireAdapter } from "../../src/engine/gpu/adapter.ts";
import { Buffers } from "../../src/engine/gpu/buffers.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { RunError } from "../../src/errors.ts";
import { SOFTWARE_GPU, TEST_GPU } from "./gpu_adapter.ts";

const found = AGREEMENT_CASES.find(({ name }) => name.endsWith("seed 6"));
assert(found !== undefined);
const { config, state, batch, settings } = buildCase(found);

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !TEST_GPU, fn });
}

/** Runs with the engine over the worker `tests/engine/gpu_workers/NAME.ts`. */
async function withWorker(name: string, run: (engine: GpuEngine) => Promise<void>): Promise<void> {
  const engine = await GpuEngine.open(config, { worker: new URL(`./gpu_workers/${name}.ts`, import.meta.url) });
  try {
    await engine.upload(state);
    await run(engine);
  } finally {
    await engine.close();
  }
}

/** Whether `error` is a RunError of one line, with a hint, whose message matches `pattern`. */
function runError(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof RunError && pattern.test(error.message) && !error.message.includes("\n") && error.hint !== "";
}

for (
  const [name, reason] of [
    ["throwing", /^Cannot go on with the GPU: made to throw$/],
    ["ending", /^Cannot go on with the GPU: its worker ended$/],
  ] as const
) {
  gpuTest(`a worker that is ${name} in mid-job fails the call, those that wait and every later one`, async () => {
    await withWorker(name, async (engine) => {
      const calls = [engine.trainStep(batch, settings), engine.download()];
      for (const call of calls) await assert.rejects(call, runError(reason));
      await assert.rejects(engine.predict(batch, { want: "logits", klScale: 1 }), runError(reason));
    });
  });
}

gpuTest("a worker that cannot start fails the opening", async () => {
  const worker = new URL("./gpu_workers/missing.js", import.meta.url);
  await assert.rejects(GpuEngine.open(config, { worker }), runError(/^Cannot go on with the GPU: /));
});

gpuTest("a device lost in training is told as such, then and later", async () => {
  await withWorker("losing", async (engine) => {
    for (let step = 0; step < 2; step++) assert.equal((await engine.trainStep(batch, settings)).updated, true);
    const lost = runError(/^Cannot go on with the GPU: the device was lost: /);
    await assert.rejects(engine.trainSteps([{ batch, settings }, { batch, settings }]), lost);
    await assert.rejects(engine.trainStep(batch, settings), lost);
    await assert.rejects(engine.download(), lost);
  });
});

gpuTest("a validation error fails its step, changes nothing, and the engine goes on", async () => {
  await withWorker("invalid", async (engine) => {
    await engine.trainStep(batch, settings);
    const before = await engine.download();
    await assert.rejects(engine.trainStep(batch, settings), runError(/^Cannot go on with the GPU: .*usage/i));
    assert.deepEqual(await engine.download(), before);
    assert.equal((await engine.trainStep(batch, settings)).updated, true);
    assert.equal((await engine.download()).optimizer.step, before.optimizer.step + 1);
  });
});

// A real GPU has memory of its own, which the system cannot ration.
const RATIONED = Deno.build.os === "linux" && SOFTWARE_GPU;

Deno.test({
  name: `memory that the system refuses is told as such, changes nothing, and the engine goes on${
    RATIONED ? "" : " (skipped: needs Linux and a software adapter)"
  }`,
  ignore: !TEST_GPU || !RATIONED,
  fn: async () => {
    const script = fileURLToPath(new URL("./gpu_out_of_memory.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script] }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.equal(code, 0, text(stderr));
    assert.match(text(stdout), /^Cannot go on with the GPU: it is out of memory: [^\n]+\n$/);
  },
});

gpuTest("a batch beyond the adapter's limits names the limit, and the engine goes on", async () => {
  const engine = await GpuEngine.open(config);
  try {
    await engine.upload(state);
    const tokens = new Int32Array(2_500_000).fill(1);
    const huge = { tokens, offsets: Uint32Array.of(0, tokens.length), labels: Uint8Array.of(0) };
    await assert.rejects(engine.trainStep(huge, settings), runError(/the adapter's max\w+ is \d+$/));
    assert.equal((await engine.trainStep(batch, settings)).updated, true);
  } finally {
    await engine.close();
  }
});

gpuTest("a write beyond a buffer is refused before the driver sees it", async () => {
  const device = await openDevice(await requireAdapter());
  const buffers = new Buffers(device);
  try {
    buffers.need("made", 32, GPUBufferUsage.COPY_DST);
    buffers.write("made", new Float32Array(8));
    assert.throws(() => buffers.write("made", new Float32Array(8), 4), RangeError);
    assert.throws(() => buffers.write("made", new Uint8Array(3)), RangeError);
    assert.throws(() => buffers.need("made", 2 ** 40, GPUBufferUsage.COPY_DST), runError(/maxBufferSize is \d+$/));
  } finally {
    buffers.destroy();
    device.destroy();
  }
});
