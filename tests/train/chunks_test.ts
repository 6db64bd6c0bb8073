import assert from "node:assert/strict";
import { ChunkSize, stepsToMultiple } from "../../src/train/chunks.ts";
import type { StepResult, TrainingStep } from "../../src/engine/engine.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { type TrainingOptions, trainModel } from "../../src/train/loop.ts";
import { NonFiniteLossError } from "../../src/train/non_finite_loss.ts";
import { toyDataset, ToyEngine, type ToyScript } from "./toy_engine.ts";

Deno.test("chunks double up to what takes a quarter of a second, and shrink at once", () => {
  const size = new ChunkSize();
  const sizes = Array.from({ length: 8 }, () => {
    const { steps } = size;
    size.learn(steps, 10 * steps);
    return steps;
  });
  assert.deepEqual(sizes, [1, 2, 4, 8, 16, 25, 25, 25]);
  size.learn(25, 25 * 100);
  assert.equal(size.steps, 2);
  size.learn(2, 60_000);
  assert.equal(size.steps, 1);
  for (let i = 0; i < 20; i++) size.learn(size.steps, 0);
  assert.equal(size.steps, 128);
});

Deno.test("a chunk ends at the next multiple, where something is due", () => {
  assert.deepEqual([0, 1, 49, 50, 51].map((step) => stepsToMultiple(step, 50)), [50, 49, 1, 50, 49]);
  assert.equal(stepsToMultiple(7, 0), Infinity);
});

/** A toy that takes several steps at once. */
class ChunkedToy extends ToyEngine {
  readonly calls: number[] = [];

  async trainSteps(steps: readonly TrainingStep[]): Promise<StepResult[]> {
    this.calls.push(steps.length);
    const results: StepResult[] = [];
    for (const { batch, settings } of steps) {
      results.push(await this.trainStep(batch, settings));
      if (!results.at(-1)?.updated) break;
    }
    return results;
  }
}

const all = Uint32Array.from({ length: 103 }, (_, i) => i);

function options(engine: ToyEngine, changed: Partial<typeof PAPER_RECIPE>, signal?: AbortSignal): TrainingOptions {
  return {
    engine,
    dataset: toyDataset(103),
    split: { train: all.subarray(0, 100), validation: all.subarray(100) },
    modelConfig: { ...PAPER_CONFIG, vocabSize: 50 },
    config: { ...PAPER_RECIPE, batchSize: 4, epochs: 2, warmupSteps: 2, ...changed },
    clock: () => 0,
    ...signal === undefined ? {} : { signal },
  };
}

/** All events, and the error that ended them. */
async function eventsOf(given: TrainingOptions): Promise<{ events: TrainEvent[]; error: unknown }> {
  const events: TrainEvent[] = [];
  try {
    for await (const event of trainModel(given)) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

for (const changed of [{ logEvery: 7 }, { logEvery: 50, checkpointEvery: 3 }, { logEvery: 1 }]) {
  Deno.test(`an engine that takes several steps at once tells the same events: ${JSON.stringify(changed)}`, async () => {
    for (const script of [{}, { failingStep: 11 }] satisfies ToyScript[]) {
      const chunked = new ChunkedToy(script);
      const found = await eventsOf(options(chunked, changed));
      assert.deepEqual(found, await eventsOf(options(new ToyEngine(script), changed)));
      assert.equal(found.error instanceof NonFiniteLossError, "failingStep" in script);
      const most = Math.min(changed.logEvery, changed.checkpointEvery ?? Infinity, 25);
      assert(chunked.calls.every((steps) => steps <= most));
      assert.equal(chunked.calls.some((steps) => steps > 1), changed.logEvery > 1);
    }
  });
}

Deno.test("a signal ends the run behind the steps under way, and what is saved goes on to the same end", async () => {
  const whole = await eventsOf(options(new ChunkedToy(), { logEvery: 7 }));
  const interruption = new AbortController();
  let trained = 0;
  const onTrain = () => void (++trained === 5 && interruption.abort());
  const first = await eventsOf(options(new ChunkedToy({ onTrain }), { logEvery: 7 }, interruption.signal));
  const saved = first.events.findLast((event) => event.kind === "checkpoint");
  assert(saved?.kind === "checkpoint");
  // Chunks of 1, 2 and 4 steps end at 7; the fifth step lies within the third.
  assert.equal(saved.position.step, 7);
  const engine = new ChunkedToy();
  await engine.upload(saved.state);
  const rest = await eventsOf({ ...options(engine, { logEvery: 7 }), resume: saved.position });
  const recorded = (events: readonly TrainEvent[]) =>
    events.filter(({ kind }) => kind === "step" || kind === "epoch").map((event) =>
      "metrics" in event && event.metrics
    );
  assert.deepEqual([...recorded(first.events), ...recorded(rest.events)], recorded(whole.events));
});
