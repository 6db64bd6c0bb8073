import assert from "node:assert/strict";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { type TrainingOptions, trainModel } from "../../src/train/loop.ts";
import { toyDataset, ToyEngine } from "./toy_engine.ts";

const dataset = toyDataset(13);
const base: Omit<TrainingOptions, "engine"> = {
  dataset,
  split: { train: Uint32Array.from({ length: 10 }, (_, i) => i), validation: Uint32Array.of(10, 11, 12) },
  modelConfig: { ...PAPER_CONFIG, vocabSize: 50 },
  config: { ...PAPER_RECIPE, batchSize: 4, epochs: 3, warmupSteps: 2, logEvery: 1, patience: 2 },
};

type Checkpoint = Extract<TrainEvent, { kind: "checkpoint" }>;

/** What a run leaves behind: rows with numbers in full, and checkpoints; neither clock nor display. */
function trace(events: readonly TrainEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.kind === "progress") return [];
    if (event.kind === "checkpoint") {
      return [JSON.stringify([event.best, event.position, [...event.state.weights.parameters]])];
    }
    if (event.kind === "end") return [JSON.stringify(event)];
    return [JSON.stringify({ ...event, timing: [], tokensPerSecond: 0 })];
  });
}

/** Runs until event number `stopAfter` has come, then aborts; every event that came. */
async function interrupted(options: TrainingOptions, stopAfter: number): Promise<TrainEvent[]> {
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of trainModel({ ...options, signal: stop.signal })) {
    events.push(event);
    if (events.length === stopAfter) stop.abort();
  }
  return events;
}

/** The checkpoint as it comes back from a file: its position through JSON. */
async function resumed(checkpoint: Checkpoint): Promise<TrainEvent[]> {
  const engine = new ToyEngine();
  await engine.upload(checkpoint.state);
  const resume = JSON.parse(JSON.stringify(checkpoint.position));
  return await Array.fromAsync(trainModel({ ...base, engine, resume }));
}

/** Steps and epochs, without the checkpoints an interruption adds. */
const rows = (events: readonly TrainEvent[]) => trace(events.filter(({ kind }) => kind === "step" || kind === "epoch"));

Deno.test("a run interrupted after any event and resumed leaves what an uninterrupted run leaves", async () => {
  const whole = await Array.fromAsync(trainModel({ ...base, engine: new ToyEngine() }));
  assert.ok(whole.length > 25);
  let unfinished = 0;
  for (let stopAfter = 1; stopAfter <= whole.length; stopAfter++) {
    const before = await interrupted({ ...base, engine: new ToyEngine() }, stopAfter);
    const last = before.findLast((event) => event.kind === "checkpoint");
    assert.ok(last !== undefined);
    const end = before.at(-1);
    assert.ok(end?.kind === "end");
    assert.deepEqual(end.position, last.position, "the last checkpoint is where the run ended");
    if (end.outcome === "interrupted") unfinished++;
    const after = await resumed(last);
    assert.deepEqual([...rows(before), ...rows(after)], rows(whole), `stopped after event ${stopAfter}`);
    assert.deepEqual(trace(after).at(-1), trace(whole).at(-1));
    const finalState = (events: readonly TrainEvent[]) =>
      trace(events.filter(({ kind }) => kind === "checkpoint")).at(-1);
    assert.equal(finalState([...before, ...after]), finalState(whole));
  }
  assert.ok(unfinished > 20, `${unfinished} runs were interrupted`);
});

Deno.test("a signal aborted before the start saves the first weights and trains nothing", async () => {
  const events = await Array.fromAsync(
    trainModel({ ...base, engine: new ToyEngine(), signal: AbortSignal.abort() }),
  );
  assert.deepEqual(events.map(({ kind }) => kind), ["checkpoint", "end"]);
});

Deno.test("resuming a run that is finished or stopped early only tells its end", async () => {
  const whole = await Array.fromAsync(trainModel({ ...base, engine: new ToyEngine() }));
  const last = whole.findLast((event) => event.kind === "checkpoint");
  assert.ok(last !== undefined);
  assert.deepEqual(trace(await resumed(last)), trace(whole).slice(-1));
});

Deno.test("an interruption comes within one batch, also during validation", async () => {
  for (const phase of ["training", "validation"] as const) {
    const stop = new AbortController();
    let late = 0;
    const options = { ...base, config: { ...base.config, batchSize: 1 }, engine: new ToyEngine(), signal: stop.signal };
    for await (const event of trainModel(options)) {
      if (event.kind === "progress" && stop.signal.aborted) late++;
      if (event.kind === "progress" && event.phase === phase) stop.abort();
    }
    assert.equal(late, 0, phase);
  }
});
