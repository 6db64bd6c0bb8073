import assert from "node:assert/strict";
import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { UsageError } from "../../src/errors.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import type { ModelState } from "../../src/model/state.ts";
import { type Aids, RESONANCE_DEFAULTS, suppressionDefaults, validateAids } from "../../src/train/aids.ts";
import { PAPER_RECIPE, type TrainConfig, validateTrainConfig } from "../../src/train/config.ts";
import type { MetricValue, TrainEvent, TrainPosition } from "../../src/train/events.ts";
import { trainModel } from "../../src/train/loop.ts";
import type { KeptSlabs } from "../../src/train/retention.ts";
import { toyDataset, ToyEngine } from "./toy_engine.ts";

const { arsThreshold: _, ...memoNumbers } = suppressionDefaults("memo", "original", "lag1");
const SR: Aids = { ...RESONANCE_DEFAULTS, sr: "state", srWindow: 2, srBaseGain: 0.1, srPatience: 1, srThreshold: 10 };
const MEMO: Aids = { ars: "memo", arsLayers: "psi,phi,chi", arsGuard: "lag1", ...memoNumbers, arsWindow: 3 };
const PAPER: Aids = {
  ...{ ars: "paper", arsPreset: "original", arsLayers: "psi,phi,chi", arsGuard: "lag1" },
  ...{ ...suppressionDefaults("paper", "original", "lag1"), arsWindow: 3, arsThreshold: 0, arsJitter: 0.05 },
};

const RETAIN: Aids = { retain: 50, retainGamma: 0.5, retainAt: 2, retainBatches: 2, retainDirections: 2 };

const modelConfig: ModelConfig = {
  ...PAPER_CONFIG,
  ...{ vocabSize: 20, dModel: 4, numBins: 3, ffnDim: 5, maxLayers: 3, maxSeqLength: 5 },
};
const dataset = toyDataset(9, 20);
const split = { train: Uint32Array.of(0, 1, 2, 3, 4, 5, 6), validation: Uint32Array.of(7, 8) };
const base: TrainConfig = { ...PAPER_RECIPE, batchSize: 3, epochs: 2, warmupSteps: 1, learningRate: 0.02, logEvery: 1 };

type Point = { readonly position: TrainPosition; readonly state: ModelState; readonly kept?: KeptSlabs };

/** Trains from `resume`, or from the start, until `stopAfter` batches are trained. */
async function train(engine: Engine, aids: Aids, resume?: Point, stopAfter = Infinity): Promise<TrainEvent[]> {
  const config = validateTrainConfig({ ...base, ...aids });
  const weights = initialWeights(modelConfig, config.seed);
  await engine.upload(resume?.state ?? { weights });
  const stop = new AbortController();
  const { position, kept } = resume ?? {};
  const start = position === undefined ? {} : { resume: JSON.parse(JSON.stringify(position)), ...kept && { kept } };
  const events: TrainEvent[] = [];
  const options = { engine, dataset, split, modelConfig, config, signal: stop.signal, ...start };
  for await (const event of trainModel(options)) {
    events.push(event);
    if (event.kind === "progress" && event.phase === "training" && --stopAfter === 0) stop.abort();
  }
  await engine.close();
  return events;
}

const rows = (events: readonly TrainEvent[]): MetricValue[] =>
  events.flatMap((event) => event.kind === "step" || event.kind === "epoch" ? event.metrics : []);

const valuesOf = (events: readonly TrainEvent[], wanted: string) =>
  rows(events).filter(({ metric, epoch }) => metric === wanted && epoch === null).map(({ value }) => value);

function lastCheckpoint(events: readonly TrainEvent[]) {
  const found = events.findLast((event) => event.kind === "checkpoint");
  assert.ok(found !== undefined);
  return found;
}

const ENGINES: readonly (readonly [string, () => Promise<Engine>])[] = [
  ["reference", () => Promise.resolve(new ReferenceEngine(modelConfig))],
  ["cpu", () => CpuEngine.open(modelConfig, { threads: 1 })],
];

const COMBINATIONS: readonly (readonly [string, Aids])[] = [
  ["noise on the state and the memo's damping", { ...SR, ...MEMO }],
  ["a penalty on forgetting", { ...RETAIN, ...SR }],
  ["noise by accuracy on the embedding and the paper's damping", {
    ...{ ...SR, sr: "embedding", srMetric: "accuracy" },
    ...PAPER,
  }],
];

for (const [engine, open] of ENGINES) {
  for (const [name, aids] of COMBINATIONS) {
    Deno.test(`${engine}: with ${name}, a run interrupted after any batch resumes to the same bytes`, async () => {
      const whole = await train(await open(), aids);
      assert.equal(valuesOf(whole, "sr_gain").length, 6);
      for (let stopAfter = 1; stopAfter < 6; stopAfter++) {
        const before = await train(await open(), aids, undefined, stopAfter);
        const after = await train(await open(), aids, lastCheckpoint(before));
        assert.deepEqual([...rows(before), ...rows(after)], rows(whole), `stopped after batch ${stopAfter}`);
        assert.deepEqual(lastCheckpoint(after), lastCheckpoint(whole));
      }
    });
  }
}

Deno.test("the gain follows the mean loss of each window: unchanged within one, and at the first", async () => {
  const events = await train(new ReferenceEngine(modelConfig), SR);
  const gains = valuesOf(events, "sr_gain");
  // No mean loss falls by 10: from the second window on the gain grows.
  [0.1, 0.1, 0.1, 0.1, 0.115, 0.115].forEach((gain, i) => assert.ok(Math.abs(gains[i] - gain) < 1e-15));
  assert.ok(valuesOf(events, "sr_noise").every((noise) => noise > 0));
  const [losses, last] = [valuesOf(events, "loss"), lastCheckpoint(events).position.aids?.resonance];
  assert.ok(last !== undefined && last.lastMetric !== null);
  assert.ok(Math.abs(last.lastMetric + (losses[4] + losses[5]) / 2) < 1e-15);
});

Deno.test("the gain follows the validation accuracy, once an epoch", async () => {
  const aids: Aids = { ...SR, srMetric: "accuracy" };
  const gains: number[] = [];
  const engine = new ToyEngine({
    accuracies: [0.5, 0.5],
    onTrain: (_, { noise }) => gains.push(noise?.gain ?? NaN),
  });
  const events = await train(engine, aids);
  assert.deepEqual(gains, new Array(6).fill(0.1));
  assert.ok(Math.abs((lastCheckpoint(events).position.aids?.resonance?.gain ?? NaN) - 0.115) < 1e-15);
});

Deno.test("from its step on the penalty holds the weights where they were, the more the stronger it is", async () => {
  const drift = async (aids: Aids) => {
    const events = await train(new ReferenceEngine(modelConfig), aids);
    const kept = lastCheckpoint(events).kept;
    const anchor = kept?.anchor;
    assert.ok(anchor !== undefined && kept?.fisher !== undefined);
    assert.deepEqual(valuesOf(events, "retain_loss").slice(0, 3), [0, 0, 0]);
    assert.ok(valuesOf(events, "retain_loss").slice(3).every((loss) => loss > 0));
    const parameters = Float64Array.from(lastCheckpoint(events).state.weights.parameters);
    return Math.sqrt(parameters.reduce((sum, weight, e) => sum + (weight - anchor[e]) ** 2, 0));
  };
  const weak = await drift({ ...RETAIN, retain: 1e-9, retainGamma: 0 });
  const strong = await drift({ ...RETAIN, retain: 0, retainGamma: 1000, retainDirections: 0 });
  assert.ok(strong < 0.7 * weak, `${strong}, ${weak}`);
});

Deno.test("growth and decay of 1 keep the gain fixed", async () => {
  const events = await train(new ReferenceEngine(modelConfig), { ...SR, srGrowth: 1, srDecay: 1 });
  assert.deepEqual(valuesOf(events, "sr_gain"), new Array(6).fill(0.1));
});

Deno.test("each step's settings are the schedule's again, whatever the step before was damped to", async () => {
  const engine = new ReferenceEngine(modelConfig);
  const trainStep = engine.trainStep.bind(engine);
  const given: number[][] = [];
  engine.trainStep = (batch, settings, aid) => {
    given.push([settings.learningRate, settings.beta1, settings.beta2]);
    return trainStep(batch, settings, aid);
  };
  const events = await train(engine, MEMO);
  assert.deepEqual(given, valuesOf(events, "learning_rate").map((rate) => [rate, 0.9, 0.999]));
  const damped = valuesOf(events, "effective_beta1");
  const phi = valuesOf(events, "ars_phi");
  damped.forEach((beta1, i) => assert.equal(beta1, 0.9 * phi[i]));
  assert.ok(phi.every((value) => value < 1));
  const [rates, chi] = [valuesOf(events, "effective_learning_rate"), valuesOf(events, "ars_chi")];
  valuesOf(events, "learning_rate").forEach((rate, i) => assert.equal(rates[i], rate * (1 + chi[i])));
  assert.ok(chi.some((value) => value !== 0));
});

Deno.test("layer psi alone watches: losses and weights are those of a run without aids", async () => {
  for (const aids of [MEMO, PAPER]) {
    const watched = await train(new ReferenceEngine(modelConfig), { ...aids, arsLayers: "psi" });
    const plain = await train(new ReferenceEngine(modelConfig), {});
    assert.deepEqual(valuesOf(watched, "loss"), valuesOf(plain, "loss"));
    assert.deepEqual(lastCheckpoint(watched).state, lastCheckpoint(plain).state);
    assert.equal(valuesOf(watched, "ars_psi").length, 6);
    assert.ok(lastCheckpoint(plain).position.aids === undefined);
  }
});

Deno.test("evaluation gets no noise: at a learning rate of 0 the validation is that of a run without aids", async () => {
  const still = { ...base, learningRate: 0 };
  const validated = async (aids: Aids) => {
    const engine = new ReferenceEngine(modelConfig);
    await engine.upload({ weights: initialWeights(modelConfig, 42) });
    const config = { ...still, ...aids };
    const events = await Array.fromAsync(trainModel({ engine, dataset, split, modelConfig, config }));
    return rows(events).filter(({ split, metric }) => split === "validation" && metric === "loss");
  };
  assert.deepEqual(await validated(SR), await validated({}));
});

Deno.test("an aid has all of its keys or none, each in its range", () => {
  validateAids({});
  for (const aids of [SR, MEMO, PAPER, RETAIN]) validateAids(aids);
  const { srGrowth: _growth, ...incomplete } = SR;
  const bad: Aids[] = [
    incomplete,
    { srWindow: 5 },
    { retainAt: 5 },
    { ...RETAIN, retainAt: 0 },
    { ...MEMO, arsPreset: "original" },
    { ...MEMO, arsLayers: "psi,zeta" },
    { ...MEMO, arsLayers: "chi" },
    { ...MEMO, arsLayers: "" },
    { ...PAPER, arsWindow: 1 },
    { ...SR, srMinGain: 0.2 },
    JSON.parse(JSON.stringify({ ...SR, sr: "weights" })),
    JSON.parse(JSON.stringify({ ...SR, srWindow: "5" })),
    JSON.parse(JSON.stringify({ ...MEMO, arsLayers: 7 })),
  ];
  for (const aids of bad) assert.throws(() => validateAids(aids), UsageError, JSON.stringify(aids));
});
