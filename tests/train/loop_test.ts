import assert from "node:assert/strict";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { StepSettings } from "../../src/engine/engine.ts";
import { DataError } from "../../src/errors.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { PAPER_RECIPE, type TrainConfig } from "../../src/train/config.ts";
import type { MetricValue, TrainEvent } from "../../src/train/events.ts";
import { type TrainingOptions, trainModel } from "../../src/train/loop.ts";
import { NonFiniteLossError } from "../../src/train/non_finite_loss.ts";
import { klScaleAt, learningRateAt } from "../../src/train/schedule.ts";
import { toyDataset, ToyEngine, type ToyScript } from "./toy_engine.ts";

const modelConfig = { ...PAPER_CONFIG, vocabSize: 50 };
const recipe: TrainConfig = { ...PAPER_RECIPE, batchSize: 4, epochs: 3, warmupSteps: 2, logEvery: 2 };
const dataset = toyDataset(13);
const split = { train: Uint32Array.from({ length: 10 }, (_, i) => i), validation: Uint32Array.of(10, 11, 12) };

function options(script: ToyScript, changed: Partial<TrainConfig> = {}): TrainingOptions {
  return { engine: new ToyEngine(script), dataset, split, modelConfig, config: { ...recipe, ...changed } };
}

async function eventsOf(given: TrainingOptions): Promise<TrainEvent[]> {
  return (await Array.fromAsync(trainModel(given))).filter((event) => event.kind !== "progress");
}

function ofKind<Kind extends TrainEvent["kind"]>(events: readonly TrainEvent[], kind: Kind) {
  return events.filter((event): event is Extract<TrainEvent, { kind: Kind }> => event.kind === kind);
}

function valueOf(rows: readonly MetricValue[], split: string, metric: string): number {
  const found = rows.filter((row) => row.split === split && row.metric === metric);
  assert.equal(found.length, 1, `${split} ${metric}`);
  return found[0].value;
}

Deno.test("each epoch trains every training review once, in an order of its own, and no validation review", async () => {
  const seen: string[][] = [[], [], []];
  let step = 0;
  const nameOf = (batch: PackedBatch, s: number) =>
    batch.tokens.subarray(batch.offsets[s], batch.offsets[s + 1]).join();
  const onTrain = (batch: PackedBatch) => {
    batch.labels.forEach((_, s) => seen[Math.floor(step / 3)].push(nameOf(batch, s)));
    step++;
  };
  await eventsOf(options({ onTrain }));
  const wanted = Array.from(
    split.train,
    (r) => dataset.tokens.subarray(dataset.offsets[r], dataset.offsets[r + 1]).join(),
  );
  for (const epoch of seen) assert.deepEqual(epoch.toSorted(), wanted.toSorted());
  assert.notDeepEqual(seen[0], seen[1]);
  assert.notDeepEqual(seen[1], seen[2]);
});

Deno.test("each step gets the settings of the recipe and its own learning rate and KL scale", async () => {
  const given: StepSettings[] = [];
  await eventsOf(options({ onTrain: (_, settings) => given.push(settings) }));
  assert.equal(given.length, 9);
  given.forEach((settings, step) =>
    assert.deepEqual(settings, {
      learningRate: learningRateAt(step, { peak: 3e-4, warmupSteps: 2, totalSteps: 9 }),
      klScale: klScaleAt(Math.floor(step / 3), 3),
      dropout: 0.1,
      seed: 42,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clipGradNorm: 1,
    })
  );
});

Deno.test("events come as checkpoint, steps, epoch, checkpoint, and the end last", async () => {
  const events = await eventsOf(options({}, { epochs: 2 }));
  const kinds = events.map((event) => event.kind === "step" ? `step ${event.step}` : event.kind);
  assert.deepEqual(kinds, [
    "checkpoint",
    "step 2",
    "epoch",
    "checkpoint",
    "step 4",
    "step 6",
    "epoch",
    "checkpoint",
    "end",
  ]);
});

Deno.test("(step, epoch, split, metric) names one value", async () => {
  const events = await eventsOf(options({}, { logEvery: 1 }));
  for (const file of ["metrics", "timing"] as const) {
    const rows = events.flatMap((event) => event.kind === "step" || event.kind === "epoch" ? event[file] : []);
    const keys = rows.map(({ step, epoch, split, metric }) => `${step},${epoch},${split},${metric}`);
    assert.ok(keys.length > 9);
    assert.equal(new Set(keys).size, keys.length);
  }
});

Deno.test("an epoch's losses weigh CE by reviews, KL and entropy by tokens, as if all batches were one", async () => {
  const [epoch] = ofKind(await eventsOf(options({}, { epochs: 1, logEvery: 1 })), "epoch");
  const events = ofKind(await eventsOf(options({}, { epochs: 1, logEvery: 1 })), "step");
  const sizes: { reviews: number; tokens: number }[] = [];
  const onTrain = (batch: PackedBatch) => sizes.push({ reviews: batch.labels.length, tokens: batch.tokens.length });
  await eventsOf(options({ onTrain }, { epochs: 1 }));
  assert.deepEqual(sizes.map((size) => size.reviews), [4, 4, 2]);
  const mean = (metric: string, weight: "reviews" | "tokens") =>
    events.reduce((sum, event, i) => sum + valueOf(event.metrics, "train", metric) * sizes[i][weight], 0) /
    sizes.reduce((sum, size) => sum + size[weight], 0);
  const wanted = {
    task_loss: mean("task_loss", "reviews"),
    kl_loss: mean("kl_loss", "tokens"),
    entropy_loss: mean("entropy_loss", "tokens"),
    accuracy: mean("accuracy", "reviews"),
    halting_steps_mean: mean("halting_steps_mean", "tokens"),
  };
  for (const [metric, value] of Object.entries(wanted)) {
    assert.ok(Math.abs(valueOf(epoch.metrics, "train", metric) - value) < 1e-12, metric);
  }
  const loss = wanted.task_loss + 0.015 * wanted.kl_loss + 0.005 * wanted.entropy_loss;
  assert.ok(Math.abs(valueOf(epoch.metrics, "train", "loss") - loss) < 1e-12);
});

Deno.test("an epoch row has every metric of the interface for both splits, and depth is steps − 1", async () => {
  const [epoch] = ofKind(await eventsOf(options({})), "epoch");
  const shared = [
    "loss",
    "task_loss",
    "kl_loss",
    "entropy_loss",
    "accuracy",
    "halting_depth_mean",
    "halting_steps_mean",
  ];
  for (const metric of [...shared, "learning_rate", "grad_norm", "kl_scale"]) valueOf(epoch.metrics, "train", metric);
  for (const metric of [...shared, "ece"]) valueOf(epoch.metrics, "validation", metric);
  assert.equal(valueOf(epoch.metrics, "validation", "halting_steps_mean"), 3);
  assert.equal(valueOf(epoch.metrics, "validation", "halting_depth_mean"), 2);
});

Deno.test("what a clock measures stands in timing rows only", async () => {
  const run = async (pace: number) => {
    let now = 0;
    return await eventsOf({ ...options({}), clock: () => now += pace });
  };
  const [slow, fast] = [await run(1000), await run(1)];
  const timing = (events: TrainEvent[]) => events.flatMap((event) => "timing" in event ? event.timing : []);
  assert.notDeepEqual(timing(slow), timing(fast));
  const bare = (events: TrainEvent[]) => events.map((event) => ({ ...event, timing: [], tokensPerSecond: 0 }));
  assert.deepEqual(bare(slow), bare(fast));
  const seconds = ofKind(slow, "epoch").map((epoch) => valueOf(epoch.timing, "train", "seconds"));
  assert.deepEqual(seconds, [3, 3, 3]);
});

Deno.test("the best epoch is the first of equals, and only it is kept as best", async () => {
  const events = await eventsOf(options({ accuracies: [1 / 3, 2 / 3, 2 / 3] }));
  assert.deepEqual(ofKind(events, "epoch").map((event) => event.best), [true, true, false]);
  assert.deepEqual(ofKind(events, "checkpoint").map((event) => event.best), [false, true, true, false]);
  const [end] = ofKind(events, "end");
  assert.equal(end.outcome, "finished");
  assert.deepEqual([end.position.bestEpoch, end.position.bestAccuracy, end.position.epochsSinceBest], [2, 2 / 3, 1]);
});

Deno.test("training stops early after `patience` epochs without a better accuracy", async () => {
  const script = { accuracies: [1 / 3, 2 / 3, 1 / 3, 2 / 3, 1] };
  const patient = await eventsOf(options(script, { epochs: 5, patience: 2 }));
  assert.equal(ofKind(patient, "epoch").length, 4);
  assert.equal(ofKind(patient, "end")[0].outcome, "stopped-early");
  const whole = await eventsOf(options(script, { epochs: 5, patience: 3 }));
  assert.equal(ofKind(whole, "epoch").length, 5);
  assert.equal(ofKind(whole, "end")[0].outcome, "finished");
});

Deno.test("limitBatches shortens every epoch and the schedule with it", async () => {
  const rates: number[] = [];
  const onTrain = (_: PackedBatch, settings: StepSettings) => rates.push(settings.learningRate);
  await eventsOf(options({ onTrain }, { limitBatches: 2 }));
  const schedule = { peak: 3e-4, warmupSteps: 2, totalSteps: 6 };
  assert.deepEqual(rates, Array.from({ length: 6 }, (_, step) => learningRateAt(step, schedule)));
});

Deno.test("checkpointEvery saves within an epoch, once where an epoch ends as well", async () => {
  const events = await eventsOf(options({}, { epochs: 2, checkpointEvery: 1 }));
  assert.deepEqual(ofKind(events, "checkpoint").map(({ position }) => position.step), [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("a loss that is not finite ends the run before anything else is told, and names the step", async () => {
  const events: TrainEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of trainModel(options({ failingStep: 4 }, { logEvery: 1 }))) events.push(event);
    },
    (error) =>
      error instanceof NonFiniteLossError && error.exitCode === 1 && error.step === 4 &&
      error.message.includes("after 4 optimizer steps"),
  );
  assert.deepEqual(ofKind(events, "checkpoint").map(({ position }) => position.step), [0, 3]);
  assert.equal(ofKind(events, "step").at(-1)?.step, 4);
});

Deno.test("an empty part of the split is refused", async () => {
  for (const empty of ["train", "validation"]) {
    const broken = { ...options({}), split: { ...split, [empty]: new Uint32Array(0) } };
    await assert.rejects(() => eventsOf(broken), DataError);
  }
});

Deno.test("timers run during a long training, so that signals and the display stay alive", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const onTrain = () => {
    const until = performance.now() + 10;
    while (performance.now() < until);
  };
  await eventsOf(options({ onTrain }));
  clearInterval(timer);
  assert.ok(ticks >= 2, `${ticks} ticks`);
});
