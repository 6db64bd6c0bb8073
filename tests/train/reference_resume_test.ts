import assert from "node:assert/strict";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import type { TrainEvent, TrainPosition } from "../../src/train/events.ts";
import { trainModel } from "../../src/train/loop.ts";
import type { ModelState } from "../../src/model/state.ts";
import { toyDataset } from "./toy_engine.ts";

const modelConfig: ModelConfig = {
  ...PAPER_CONFIG,
  vocabSize: 20,
  dModel: 4,
  numBins: 3,
  ffnDim: 5,
  maxLayers: 3,
  maxSeqLength: 5,
};
const dataset = toyDataset(9, 20);
const split = { train: Uint32Array.of(0, 1, 2, 3, 4, 5, 6), validation: Uint32Array.of(7, 8) };
const config = { ...PAPER_RECIPE, batchSize: 3, epochs: 2, warmupSteps: 1, learningRate: 0.02, logEvery: 1 };

/** Trains from `resume`, or from the start, until `stopAfter` batches are trained. */
async function train(
  resume: { position: TrainPosition; state: ModelState } | undefined,
  stopAfter = Infinity,
): Promise<TrainEvent[]> {
  const engine = new ReferenceEngine(modelConfig);
  await engine.upload(resume?.state ?? { weights: initialWeights(modelConfig, config.seed) });
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  const start = resume === undefined ? {} : { resume: JSON.parse(JSON.stringify(resume.position)) };
  for await (
    const event of trainModel({ engine, dataset, split, modelConfig, config, signal: stop.signal, ...start })
  ) {
    events.push(event);
    if (event.kind === "progress" && event.phase === "training" && --stopAfter === 0) stop.abort();
  }
  await engine.close();
  return events;
}

const rows = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => event.kind === "step" || event.kind === "epoch" ? event.metrics : []);

function lastCheckpoint(events: readonly TrainEvent[]) {
  const found = events.findLast((event) => event.kind === "checkpoint");
  assert.ok(found !== undefined);
  return found;
}

Deno.test("with the reference engine and dropout, a run interrupted after any batch resumes to the same bytes", async () => {
  const whole = await train(undefined);
  const steps = whole.filter(({ kind }) => kind === "step").length;
  assert.equal(steps, 6);
  for (let stopAfter = 1; stopAfter <= steps; stopAfter++) {
    const before = await train(undefined, stopAfter);
    const end = before.at(-1);
    assert.equal(end?.kind === "end" && end.outcome, "interrupted");
    const after = await train(lastCheckpoint(before));
    assert.deepEqual([...rows(before), ...rows(after)], rows(whole), `stopped after batch ${stopAfter}`);
    assert.deepEqual(lastCheckpoint(after), lastCheckpoint(whole));
  }
});

Deno.test("training learns: where one token decides, every validation review is right in the end", async () => {
  const reviews = 40;
  const tokens = new Int32Array(reviews * 4);
  const labels = Uint8Array.from({ length: reviews }, (_, r) => r % 2);
  labels.forEach((label, r) => tokens.set([1, 3 + (r * 7) % 15, label === 1 ? 18 : 19, 2], r * 4));
  const learnable = {
    ...dataset,
    tokens,
    labels,
    offsets: Uint32Array.from({ length: reviews + 1 }, (_, r) => r * 4),
  };
  const engine = new ReferenceEngine(modelConfig);
  await engine.upload({ weights: initialWeights(modelConfig, 1) });
  const parts = {
    train: Uint32Array.from({ length: 30 }, (_, r) => r),
    validation: Uint32Array.from({ length: 10 }, (_, r) => 30 + r),
  };
  const recipe = { ...config, batchSize: 10, epochs: 60, learningRate: 0.05 };
  const events = await Array.fromAsync(
    trainModel({ engine, dataset: learnable, split: parts, modelConfig, config: recipe }),
  );
  const accuracies = events.flatMap((event) => event.kind === "epoch" ? [event.accuracy] : []);
  assert.equal(accuracies.at(-1), 1);
});
