import { RunFolder, type RunStart } from "../../src/metrics/run_folder.ts";
import type { ModelState } from "../../src/model/state.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import type { MetricValue, TrainEvent, TrainPosition } from "../../src/train/events.ts";
import { madeState, SMALL_CONFIG } from "../model/made_state.ts";

/** A run of the small model. */
export const START: RunStart = {
  run: "epsilon-exit-seed42-0badcafe",
  model: SMALL_CONFIG,
  recipe: { ...PAPER_RECIPE, epochs: 3 },
  configuration: { epochs: { value: 3, origin: "flag" }, data: { value: null, origin: "default" } },
  dataSha256: "12".repeat(32),
  vocabularySha256: "ab".repeat(32),
  codeVersion: "0.1.0",
  device: "reference",
  parameterCount: tensorTable(SMALL_CONFIG).parameterCount,
};

export const EPOCHS = 3;
const STEPS_AN_EPOCH = 3;

/** What training would say at a step: a function of the step alone. */
export function stateAt(step: number): Required<ModelState> {
  return madeState(SMALL_CONFIG, 1000 + step, step);
}

/** Validation accuracy after each epoch; the second is the best. */
const ACCURACIES = [0.5, 0.75, 0.625];

function positionAt(step: number): TrainPosition {
  const epoch = Math.floor(step / STEPS_AN_EPOCH);
  const batch = step % STEPS_AN_EPOCH;
  const past = ACCURACIES.slice(0, epoch);
  const bestAccuracy = Math.max(-1, ...past);
  const bestEpoch = past.indexOf(bestAccuracy) + 1;
  const sums = {
    batches: batch,
    sequences: batch * 4,
    tokens: batch * 40,
    tokenSteps: batch * 80,
    correct: batch * 2,
    taskLoss: batch / 7,
    klLoss: batch / 11,
    entropyLoss: -batch / 13,
    gradNorm: batch / 3,
  };
  return { step, epoch, batch, sums, bestAccuracy, bestEpoch, epochsSinceBest: epoch - bestEpoch };
}

/**
 * Events of a made-up training of three epochs, from `step` on, with a checkpoint after every step: metrics are
 * functions of the step, timing is not.
 */
export async function* madeEvents(step = 0, clock: () => number = Math.random): AsyncGenerator<TrainEvent, void> {
  const totalSteps = EPOCHS * STEPS_AN_EPOCH;
  if (step === 0) yield { kind: "checkpoint", best: false, position: positionAt(0), state: stateAt(0) };
  while (step < totalSteps) {
    step++;
    const row = (epoch: number | null, split: "train" | "validation", metric: string, value: number): MetricValue => ({
      step,
      epoch,
      split,
      metric,
      value,
    });
    yield {
      kind: "step",
      step,
      totalSteps,
      epoch: 1,
      metrics: [row(null, "train", "loss", 1 / step), row(null, "train", "grad_norm", step === 4 ? Infinity : step)],
      timing: [row(null, "train", "tokens_per_second", clock() * 1e5)],
      loss: 1 / step,
      tokensPerSecond: 1,
    };
    if (step % STEPS_AN_EPOCH !== 0) {
      yield { kind: "checkpoint", best: false, position: positionAt(step), state: stateAt(step) };
      continue;
    }
    const epoch = step / STEPS_AN_EPOCH;
    const accuracy = ACCURACIES[epoch - 1];
    const best = accuracy > Math.max(-1, ...ACCURACIES.slice(0, epoch - 1));
    yield {
      kind: "epoch",
      step,
      epoch,
      accuracy,
      best,
      outputs: { logits: new Float64Array(0), labels: new Uint32Array(0), haltingSteps: new Uint8Array(0) },
      metrics: [row(epoch, "train", "loss", 2 / step), row(epoch, "validation", "accuracy", accuracy)],
      timing: [row(epoch, "train", "seconds", clock())],
    };
    yield { kind: "checkpoint", best, position: positionAt(step), state: stateAt(step) };
  }
  yield { kind: "end", outcome: "finished", position: positionAt(step) };
}

/** Runs `work` in a folder of its own that is removed afterwards. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "epsilon-run-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Copies the files of a folder as a kill would leave them. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}

/** A made-up run with a folder of its own, opened. */
export function createRun(path: string, start: Partial<RunStart> = {}): Promise<RunFolder> {
  return RunFolder.create(path, { ...START, ...start });
}
