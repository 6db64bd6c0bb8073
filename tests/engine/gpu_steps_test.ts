import assert from "node:assert/strict";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { AGREEMENT_CASES, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type { Engine, TrainingStep } from "../../src/engine/engine.ts";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { trainSteps } from "../../src/engine/train_steps.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import { evaluateDataset } from "../../src/train/evaluation.ts";
import { trainModel } from "../../src/train/loop.ts";
import { toyDataset } from "../train/toy_engine.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

const found = AGREEMENT_CASES.find(({ name }) => name.endsWith("seed 6"));
assert(found !== undefined);
const built = buildCase(found);

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !TEST_GPU, fn });
}

async function withModel<T>(run: (model: GpuModel) => Promise<T>): Promise<T> {
  const model = await GpuModel.open(built.config);
  try {
    return await run(model);
  } finally {
    model.close();
  }
}

/** Steps over batches of different sizes, made of the case's sequences. */
function differentSteps({ batch, settings }: BuiltCase, count: number): TrainingStep[] {
  return Array.from({ length: count }, (_, k) => {
    const sequences = 1 + k % batch.labels.length;
    return {
      batch: {
        tokens: batch.tokens.slice(0, batch.offsets[sequences]),
        offsets: batch.offsets.slice(0, sequences + 1),
        labels: batch.labels.slice(0, sequences),
      },
      settings: { ...settings, learningRate: settings.learningRate * (1 + k), klScale: 1 / (1 + k) },
    };
  });
}

gpuTest("steps in one submission give the bytes of the same steps one by one, and are read back once", async () => {
  const steps = differentSteps(built, 7);
  const together = await withModel(async (model) => {
    model.upload(built.state);
    const before = model.recorder.reads;
    const results = await model.trainSteps(steps);
    assert.equal(model.recorder.reads - before, 1);
    assert.equal(model.recorder.dispatched, 4 * steps.length);
    return [results, await model.download(), await model.predict(built.batch, { want: "everything", klScale: 1 })];
  });
  const oneByOne = await withModel(async (model) => {
    model.upload(built.state);
    const results = [];
    for (const step of steps) results.push(...await model.trainSteps([step]));
    return [results, await model.download(), await model.predict(built.batch, { want: "everything", klScale: 1 })];
  });
  assert.deepEqual(together, oneByOne);
});

/** Steps of which the one numbered `bad` meets a token whose embedding is not a number. */
function stepsWithBadToken(bad: number): { state: BuiltCase["state"]; steps: TrainingStep[] } {
  const { state, batch, config, settings } = built;
  const used = new Set(batch.tokens);
  const id = Array.from({ length: config.vocabSize }, (_, i) => i).find((i) => i > 0 && !used.has(i));
  assert(id !== undefined);
  const parameters = state.weights.parameters.slice();
  parameters[id * config.dModel] = NaN;
  const spoiled: PackedBatch = { ...batch, tokens: batch.tokens.map((token, i) => i === 1 ? id : token) };
  const steps = Array.from({ length: 5 }, (_, k) => ({ batch: k === bad ? spoiled : batch, settings }));
  return { state: { ...state, weights: { ...state.weights, parameters } }, steps };
}

gpuTest("behind a step that is not finite the rest of a submission changes nothing", async () => {
  for (const bad of [0, 2, 4]) {
    const { state, steps } = stepsWithBadToken(bad);
    const [together, oneByOne] = await Promise.all([true, false].map((atOnce) =>
      withModel(async (model) => {
        model.upload(state);
        const one: Pick<Engine, "trainStep"> = {
          trainStep: async (batch, settings) => (await model.trainSteps([{ batch, settings }]))[0],
        };
        const results = atOnce ? await model.trainSteps(steps) : await trainSteps(one, steps);
        const after = await model.download();
        // The engine goes on: nothing of the bad step is left.
        return { results, after, next: await model.trainSteps([steps[(bad + 1) % steps.length]]) };
      })
    ));
    assert.deepEqual(together, oneByOne);
    assert.deepEqual(together.results.map(({ updated }) => updated), [...new Array(bad).fill(true), false]);
    assert.equal(together.after.optimizer.step, state.optimizer.step + bad);
    assert.equal(together.next[0].updated, true);
  }
});

Deno.test("an engine that takes one step at a time is given them in turn, up to the one that does not update", async () => {
  const { state, steps } = stepsWithBadToken(2);
  const engine = new ReferenceEngine(built.config);
  await engine.upload(state);
  const results = await trainSteps(engine, steps);
  assert.deepEqual(results.map(({ updated }) => updated), [true, true, false]);
  assert.equal((await engine.download()).optimizer.step, state.optimizer.step + 2);
});

/** `model` as an engine that counts how many steps or batches it is given at a time; without `calls` always one. */
function engineOf(model: GpuModel, calls?: number[]): Engine {
  const engine: Engine = {
    kind: "gpu",
    description: "a model without its worker",
    arithmetic: "a GPU",
    upload: (state) => Promise.resolve(model.upload(state)),
    download: () => model.download(),
    trainStep: () => Promise.reject(new Error("a single step was trained")),
    gradient: (batch, settings) => model.gradient(batch, settings),
    predict: (batch, settings) => model.predict(batch, settings),
    trace: (batch) => model.trace(batch),
    close: () => Promise.resolve(model.close()),
  };
  return calls === undefined ? engine : {
    ...engine,
    trainSteps: (steps) => {
      calls.push(steps.length);
      return model.trainSteps(steps);
    },
    predictBatches: (batches, settings) => {
      calls.push(batches.length);
      return model.predictBatches(batches, settings);
    },
  };
}

gpuTest(
  "an evaluation reads back a few times only, each for many batches, and gives the bytes of single ones",
  async () => {
    const dataset = toyDataset(244, built.config.vocabSize);
    const judged = {
      dataset,
      indices: Uint32Array.from({ length: 243 }, (_, i) => i),
      modelConfig: built.config,
      batchSize: 4,
      clock: () => 0,
    };
    await withModel(async (model) => {
      model.upload(built.state);
      const calls: number[] = [], seen: number[] = [];
      const evaluation = evaluateDataset({ ...judged, engine: engineOf(model, calls) });
      let next = await evaluation.next();
      for (; !next.done; next = await evaluation.next()) seen.push(next.value.batch);
      assert.deepEqual(calls, [1, 2, 4, 8, 16, 30]);
      assert.deepEqual(seen, Array.from({ length: 61 }, (_, b) => b + 1));
      assert.equal(model.recorder.reads, calls.length);
      const single = evaluateDataset({ ...judged, engine: engineOf(model) });
      let wanted = await single.next();
      while (!wanted.done) wanted = await single.next();
      assert.deepEqual(next.value, wanted.value);
      assert.equal(model.recorder.reads, calls.length + 61);
    });
  },
);

gpuTest("an epoch of training reads back a few times only, each for many steps or batches", async () => {
  const dataset = toyDataset(255, built.config.vocabSize);
  const all = Uint32Array.from({ length: 255 }, (_, i) => i);
  await withModel(async (model) => {
    model.upload(built.state);
    const calls: number[] = [];
    const engine = engineOf(model, calls);
    const config = { ...PAPER_RECIPE, batchSize: 4, epochs: 2, logEvery: 50 };
    const split = { train: all.subarray(0, 240), validation: all.subarray(240) };
    const events = trainModel({ engine, dataset, split, modelConfig: built.config, config, clock: () => 0 });
    const steps = (await Array.fromAsync(events)).filter(({ kind }) => kind === "step");
    // Doublings at first, as nothing is known of the speed; then up to where a row of metrics is due. After each epoch's
    // steps the four batches of validation.
    assert.deepEqual(calls, [1, 2, 4, 8, 16, 19, 10, 1, 2, 1, 40, 20, 1, 2, 1]);
    assert.equal(steps.length, 2);
    // Beside these: weights before the first step and after each epoch.
    assert.equal(model.recorder.reads, calls.length + 3);
  });
});
