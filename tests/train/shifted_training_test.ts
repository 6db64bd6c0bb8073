import assert from "node:assert/strict";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import { plainSource, swappedSource } from "../../src/data/shift.ts";
import { MeasuredEngine } from "../../src/diagnose/provocation/measured_engine.ts";
import { withProvocation } from "../../src/diagnose/provocation/provoked_training.ts";
import type { Engine, TrainingStep } from "../../src/engine/engine.ts";
import { trainSteps } from "../../src/engine/train_steps.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import { type TrainingOptions, trainModel } from "../../src/train/loop.ts";
import { toyDataset, ToyEngine } from "./toy_engine.ts";

const modelConfig = { ...PAPER_CONFIG, vocabSize: 50 };
const config = { ...PAPER_RECIPE, batchSize: 4, epochs: 3, warmupSteps: 2, logEvery: 2 };
const dataset = toyDataset(13);
const split = { train: Uint32Array.from({ length: 10 }, (_, i) => i), validation: Uint32Array.of(10, 11, 12) };
const after = swappedSource(plainSource(dataset, split));

/** A toy that takes several steps at once, as the GPU does. */
class ChunkedToy extends ToyEngine {
  trainSteps(steps: readonly TrainingStep[]) {
    return trainSteps({ trainStep: (batch, settings) => this.trainStep(batch, settings) }, steps);
  }
}

function options(engine: Engine, step: number): TrainingOptions {
  return { engine, dataset, split, modelConfig, config, shift: { step, after } };
}

Deno.test("training tells of the shift once its last step on the old distribution is done, also at an epoch's end", async () => {
  for (const make of [(script: object) => new ToyEngine(script), (script: object) => new ChunkedToy(script)]) {
    for (const step of [1, 3, 4, 8]) {
      const labels: number[][] = [];
      const onTrain = ({ labels: own }: PackedBatch) => labels.push([...own]);
      const seen: number[] = [];
      for await (const event of trainModel(options(make({ onTrain }), step))) {
        if (event.kind === "shift") seen.push(event.step, labels.length);
      }
      assert.deepEqual(seen, [step, step]);
      const plain: number[][] = [];
      const script = { onTrain: ({ labels: own }: PackedBatch) => plain.push([...own]) };
      const { shift: _, ...unshifted } = options(make(script), step);
      await Array.fromAsync(trainModel(unshifted));
      assert.deepEqual(labels, plain.map((own, s) => s < step ? own : own.map((label) => 1 - label)));
    }
  }
});

Deno.test("the measuring engine trains what the one in it trains, and gives the norms of every logged step", async () => {
  for (const Toy of [ToyEngine, ChunkedToy]) {
    const plain = new Toy();
    const wanted = new Map<number, { weights: number; update: number }>();
    let before = [0.1, 0.2, 0.3];
    const plainEvents = [];
    for await (const event of trainModel({ ...options(plain, 4), config: { ...config, logEvery: 1 } })) {
      if (event.kind !== "step") continue;
      plainEvents.push(event.loss);
      const now = [...(await plain.download()).weights.parameters];
      const norm = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
      wanted.set(event.step, { weights: norm(now), update: norm(now.map((value, i) => value - before[i])) });
      before = now;
    }
    const engine = new MeasuredEngine(new Toy(), config.logEvery);
    const provoked = { engine, modelConfig, dataset, validation: split.validation, after, batchSize: 2 };
    const found = [];
    for await (const event of withProvocation(trainModel(options(engine, 4)), provoked)) {
      if (event.kind !== "step") continue;
      assert.equal(event.loss, plainEvents[event.step - 1]);
      const value = (metric: string) => event.metrics.find((row) => row.metric === metric)?.value;
      found.push([event.step, value("weight_norm"), value("update_norm")]);
    }
    assert.deepEqual(found, [2, 4, 6, 8].map((s) => [s, wanted.get(s)?.weights, wanted.get(s)?.update]));
  }
});

Deno.test("behind the shift both distributions are judged, and the shifted one after every epoch; training stays the same", async () => {
  const engine = new MeasuredEngine(new ToyEngine(), config.logEvery);
  const provoked = { engine, modelConfig, dataset, validation: split.validation, after, batchSize: 2 };
  const rows: string[] = [];
  let ended;
  for await (const event of withProvocation(trainModel(options(engine, 4)), provoked)) {
    if (event.kind === "provocation") {
      for (const { step, epoch, split: part, metric } of event.metrics) rows.push(`${step} ${epoch} ${part} ${metric}`);
    }
    if (event.kind === "epoch") {
      rows.push(
        ...event.metrics.flatMap(({ step, metric }) => metric.startsWith("shifted") ? [`${step} ${metric}`] : []),
      );
    }
    if (event.kind === "end") ended = event.position;
  }
  const judged = (step: number) => [`${step} shifted_task_loss`, `${step} shifted_accuracy`];
  assert.deepEqual(rows, [
    ...judged(3),
    ...["task_loss", "accuracy", "shifted_task_loss", "shifted_accuracy"].map((name) => `4 null validation ${name}`),
    ...judged(6),
    ...judged(9),
  ]);
  const plain = await Array.fromAsync(trainModel(options(new ToyEngine(), 4)));
  const end = plain.findLast((event) => event.kind === "end");
  assert.deepEqual(ended, end?.kind === "end" ? end.position : undefined);
});
