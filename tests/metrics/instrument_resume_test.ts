import assert from "node:assert/strict";
import { join } from "node:path";
import { INSTRUMENT_NAMES } from "../../src/diagnose/instruments/instruments.ts";
import { INSTRUMENT_TABLES } from "../../src/diagnose/instruments/table.ts";
import { withInstruments } from "../../src/diagnose/instruments/training_instruments.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { PausedRun, type ResumePoint } from "../../src/metrics/paused_run.ts";
import { recordRun } from "../../src/metrics/record_run.ts";
import type { RunFolder } from "../../src/metrics/run_folder.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";
import { trainModel } from "../../src/train/loop.ts";
import { toyDataset } from "../train/toy_engine.ts";
import { copyFolder, createRun, inFolder } from "./made_run.ts";

const model: ModelConfig = {
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
const recipe = { ...PAPER_RECIPE, batchSize: 3, epochs: 3, warmupSteps: 1, learningRate: 0.02, checkpointEvery: 2 };
const TABLES = Object.keys(INSTRUMENT_TABLES).map((table) => `${table}.csv`);

/** Trains into `folder` with or without instruments; calls `onEvent` after each event was recorded. */
async function train(
  folder: RunFolder,
  from: ResumePoint | undefined,
  { instruments = true, onEvent = (_kind: string) => Promise.resolve() } = {},
): Promise<void> {
  const engine = new ReferenceEngine(model);
  await engine.upload(from?.state ?? { weights: initialWeights(model, recipe.seed) });
  const start = from === undefined ? {} : { resume: from.position };
  const events = trainModel({ engine, dataset, split, modelConfig: model, config: recipe, ...start });
  const entries = ["[PAD]", "[CLS]", "[SEP]", ...Array.from({ length: 17 }, (_, id) => `word${id}`)];
  const reading = { instruments: new Set(INSTRUMENT_NAMES), engine, config: model, dataset, entries };
  const all = instruments
    ? withInstruments(events, { ...reading, indices: split.validation, seed: recipe.seed })
    : events;
  for await (const { kind } of recordRun(all, folder)) await onEvent(kind);
}

const START = { model, recipe };

Deno.test("a run killed at any moment and resumed leaves the tables of a run that was never stopped", () =>
  inFolder(async (root) => {
    const kills: string[] = [];
    {
      await using folder = await createRun(join(root, "whole"), START);
      const onEvent = async (kind: string) => {
        if (kind === "progress") return;
        const copy = join(root, `killed-${kills.length}-${kind}`);
        await copyFolder(join(root, "whole"), copy);
        await Deno.remove(join(copy, "run.lock")).catch(() => {});
        kills.push(copy);
      };
      await train(folder, undefined, { onEvent });
    }
    assert.ok(kills.some((path) => path.endsWith("-instruments")));
    for (const path of kills) {
      if (path.endsWith("-end")) continue;
      await using paused = await PausedRun.open(path);
      await using folder = await paused.resume({ codeVersion: "0.1.0", device: "reference" });
      await train(folder, paused.resumePoint);
      for (const name of [...TABLES, "metrics.csv"]) {
        assert.equal(
          await Deno.readTextFile(join(path, name)),
          await Deno.readTextFile(join(root, "whole", name)),
          `${path}: ${name}`,
        );
      }
    }
  }));

Deno.test("instruments change nothing of the training, and without them there are no tables", () =>
  inFolder(async (root) => {
    for (const name of ["with", "without"]) {
      await using folder = await createRun(join(root, name), START);
      await train(folder, undefined, { instruments: name === "with" });
    }
    for (const name of ["metrics.csv", "best.safetensors", "last.safetensors"]) {
      assert.deepEqual(await Deno.readFile(join(root, "with", name)), await Deno.readFile(join(root, "without", name)));
    }
    for (const name of TABLES) {
      const rows = (await Deno.readTextFile(join(root, "with", name))).trimEnd().split("\n");
      assert.deepEqual(new Set(rows.slice(1).map((row) => row.split(",")[2])), new Set(["1", "2", "3"]), name);
      await assert.rejects(Deno.stat(join(root, "without", name)), Deno.errors.NotFound);
    }
  }));
