import assert from "node:assert/strict";
import { buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { DataError } from "../../src/errors.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";
import { paperCase, withCpu } from "./cpu_harness.ts";

const LENGTHS = [17, 9, 26, 5];

/** The case with one weight of tensor `name` replaced, in a place that the batch uses. */
function spoiled(built: BuiltCase, name: string, value: number): BuiltCase {
  const weights = { parameters: built.state.weights.parameters.slice(), buffers: built.state.weights.buffers };
  const spec = tensorTable(built.config).byName.get(name);
  assert(spec);
  const place = name === "embedding.weight" ? built.batch.tokens[1] * built.config.dModel : spec.size - 1;
  tensorView(weights, spec)[place] = value;
  return { ...built, state: { ...built.state, weights } };
}

for (const mode of ["exit", "soft"] as const) {
  const built = buildCase(paperCase(mode, LENGTHS));
  for (const { name } of tensorTable(built.config).parameters) {
    // Units of steps that no token reaches cannot spoil anything.
    if (/^halting_fcs\.[2-9]/.test(name)) continue;
    Deno.test(`a NaN in ${name} stops the step before anything but u and v changes: ${mode}`, async () => {
      const broken = spoiled(built, name, NaN);
      await withCpu(broken, {}, async ({ engine }) => {
        const { settings, batch } = built;
        const before = await engine.download();
        const { updated, loss, gradNorm } = await engine.trainStep(batch, settings);
        assert.equal(updated, false);
        assert(!Number.isFinite(loss) || !Number.isFinite(gradNorm));
        const after = await engine.download();
        assert.deepEqual(after.optimizer, before.optimizer);
        assert.deepEqual(after.weights.parameters, before.weights.parameters);
        await engine.upload(built.state);
        const wanted = await withCpu(built, {}, (fresh) => fresh.engine.gradient(batch, settings));
        assert.deepEqual(await engine.gradient(batch, settings), wanted, "the next call is spoiled");
      });
    });
  }
}

Deno.test("with an infinite or huge weight no step updates where the reference does not, and none spreads it", async () => {
  const built = buildCase(paperCase("exit", LENGTHS));
  for (const { name } of tensorTable(built.config).parameters) {
    for (const value of [Infinity, -Infinity, 3e38, -3e38]) {
      const broken = spoiled(built, name, value);
      const reference = new ReferenceEngine(built.config);
      await reference.upload(broken.state);
      const wanted = await reference.trainStep(built.batch, built.settings);
      await withCpu(broken, {}, async ({ engine }) => {
        const found = await engine.trainStep(built.batch, built.settings);
        assert(wanted.updated || !found.updated, `${name} ${value}: loss ${found.loss}, norm ${found.gradNorm}`);
        const { weights: { parameters } } = await engine.download();
        const was = broken.state.weights.parameters;
        assert(parameters.every((after, e) => Number.isFinite(after) || !Number.isFinite(was[e])), `${name} ${value}`);
      });
    }
  }
});

Deno.test("a broken batch or slab is a DataError, and the engine goes on as it was", async () => {
  const built = buildCase(paperCase("exit", LENGTHS));
  const { batch, config, settings, state } = built;
  const broken: PackedBatch[] = [
    { ...batch, tokens: batch.tokens.map((id, i) => i === 3 ? config.vocabSize : id) },
    { ...batch, tokens: batch.tokens.map((id, i) => i === 3 ? -1 : id) },
    { ...batch, labels: batch.labels.map(() => config.numClasses) },
    { ...batch, offsets: batch.offsets.map((offset, s) => s === 2 ? batch.offsets[1] : offset) },
    { ...batch, offsets: batch.offsets.slice(1) },
    { tokens: new Int32Array(0), offsets: new Uint32Array(1), labels: new Uint8Array(0) },
  ];
  await withCpu(built, {}, async ({ engine }) => {
    const before = [await engine.gradient(batch, settings), await engine.download()];
    for (const wrong of broken) {
      await assert.rejects(engine.predict(wrong, { want: "logits", klScale: 1 }), DataError);
      await assert.rejects(engine.gradient(wrong, settings), DataError);
      await assert.rejects(engine.trainStep(wrong, settings), DataError);
      await assert.rejects(engine.trace(wrong), DataError);
    }
    const { parameters, buffers } = state.weights;
    const weights = { parameters: parameters.map(() => 1), buffers: buffers.subarray(1) };
    await assert.rejects(engine.upload({ weights }), DataError);
    assert.deepEqual([await engine.gradient(batch, settings), await engine.download()], before);
  });
});
