import assert from "node:assert/strict";
import { RunError } from "../../src/errors.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import type { ModelState } from "../../src/model/state.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { trainModel } from "../../src/train/loop.ts";
import { toyDataset, ToyEngine, type ToyScript } from "./toy_engine.ts";

const FAILURE = new RunError("Cannot go on: made to fail", "It is a test.");

/** A toy whose state cannot be read any more once it has failed, or is that of another step. */
class FailingToy extends ToyEngine {
  failed = false;

  constructor(script: ToyScript, readonly left: "readable" | "dead" | "another step") {
    super(script);
  }

  override async download(): Promise<Required<ModelState>> {
    const state = await super.download();
    if (!this.failed || this.left === "readable") return state;
    if (this.left === "dead") throw FAILURE;
    return { ...state, optimizer: { ...state.optimizer, step: state.optimizer.step + 1 } };
  }
}

const all = Uint32Array.from({ length: 43 }, (_, i) => i);

/** Steps of the checkpoints of a run whose engine fails when it is given its eighth training batch or validation. */
async function savedSteps(left: FailingToy["left"], phase: "training" | "validation"): Promise<number[]> {
  let calls = 0;
  const fail = () => {
    engine.failed = true;
    throw FAILURE;
  };
  const engine: FailingToy = new FailingToy(
    phase === "training" ? { onTrain: () => void (++calls === 8 && fail()) } : { onPredict: fail },
    left,
  );
  const saved: number[] = [];
  const follow = async () => {
    const events: AsyncIterable<TrainEvent> = trainModel({
      engine,
      dataset: toyDataset(43),
      split: { train: all.subarray(0, 40), validation: all.subarray(40) },
      modelConfig: { ...PAPER_CONFIG, vocabSize: 50 },
      config: { ...PAPER_RECIPE, batchSize: 4, epochs: 2, checkpointEvery: 5 },
    });
    for await (const event of events) if (event.kind === "checkpoint") saved.push(event.position.step);
  };
  await assert.rejects(follow, (error) => error === FAILURE);
  return saved;
}

Deno.test("when the engine fails, what it still holds of the latest step is saved before the failure is told", async () => {
  assert.deepEqual(await savedSteps("readable", "training"), [0, 5, 7]);
  assert.deepEqual(await savedSteps("readable", "validation"), [0, 5, 10]);
});

Deno.test("when the engine's state is gone or that of another step, the last checkpoint stays the last", async () => {
  for (const left of ["dead", "another step"] as const) {
    assert.deepEqual(await savedSteps(left, "training"), [0, 5]);
    assert.deepEqual(await savedSteps(left, "validation"), [0, 5]);
  }
});
