/** Prints what the GPU model says when the system has no memory for a batch; fails unless it goes on afterwards. */
import assert from "node:assert/strict";
import { AGREEMENT_CASES, buildCase } from "../../src/engine/cases.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";

const MEGABYTE = 2 ** 20;

const found = AGREEMENT_CASES.find(({ name }) => name.endsWith("seed 6"));
assert(found !== undefined);
const { config, state, batch, settings } = buildCase(found);
const model = await GpuModel.open(config);
model.upload(state);
await model.trainSteps([{ batch, settings }]);
const before = await model.download();

const status = await Deno.readTextFile("/proc/self/status");
const used = 1024 * Number(/VmSize:\s+(\d+)/.exec(status)?.[1]);
const limit = `--as=${used + 40 * MEGABYTE}`;
const { success } = await new Deno.Command("prlimit", { args: ["--pid", String(Deno.pid), limit] }).output();
assert(success, "prlimit failed");

// About 120 MB: within the limits of any adapter, beyond what is left.
const tokens = new Int32Array(130_000).fill(1);
const large = { tokens, offsets: Uint32Array.of(0, tokens.length), labels: Uint8Array.of(0) };
for (let attempt = 0; attempt < 2; attempt++) {
  const error = await model.trainSteps([{ batch: large, settings }]).then(() => undefined, (error: Error) => error);
  assert(error !== undefined, "there was memory");
  if (attempt === 0) console.log(error.message);
}
assert.deepEqual(await model.download(), before);
assert.equal((await model.trainSteps([{ batch, settings }]))[0].updated, true);
model.close();
