import assert from "node:assert/strict";
import { QUICK_SIZES } from "../../src/diagnose/benchmark/bench.ts";
import { benchmarkLength } from "../../src/diagnose/benchmark/length.ts";
import type { PackedBatch } from "../../src/data/packed_batch.ts";
import type { Engine, Prediction } from "../../src/engine/engine.ts";
import { LengthError } from "../../src/errors.ts";
import { openEngine } from "../../src/engine/open_engine.ts";
import { type HaltingMode, PAPER_CONFIG } from "../../src/model/config.ts";
import { type BenchmarkCase, median, rateRow, ratioRow, timeRow } from "../../src/diagnose/benchmark/row.ts";
import { timeInterleaved } from "../../src/diagnose/benchmark/timing.ts";
import { countApplications, uniformBatch, weightsOfDepth } from "../../src/diagnose/benchmark/workload.ts";

const MEASURED: BenchmarkCase = {
  device: "cpu",
  threads: 1,
  model: "epsilon",
  halting: "exit",
  shape: "2x3",
  dropout: 0,
  mean_steps: null,
};

/** A clock that only tasks move on. */
function madeClock() {
  let now = 0;
  return { clock: () => now, takes: (milliseconds: number) => Promise.resolve(void (now += milliseconds)) };
}

Deno.test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 100]), 3.5);
  assert.equal(median([7]), 7);
});

Deno.test("rows tell median and best: the least time, the highest rate, the ratio of pairs", () => {
  const time = timeRow(MEASURED, "forward", "ns", [4, 2, 3], 10);
  assert.deepEqual([time.median, time.best, time.runs], [30, 20, 3]);
  const rate = rateRow(MEASURED, "inference", "reviews/s", [4, 2, 3], 6);
  assert.deepEqual([rate.median, rate.best], [2000, 3000]);
  // A machine that runs at half its pace in the second round changes no pair's ratio.
  const ratio = ratioRow(MEASURED, "speedup", "times", [6, 12, 6], [3, 6, 3]);
  assert.deepEqual([ratio.median, ratio.best], [2, 2]);
});

Deno.test("tasks are timed in turns, each round from another one on, and preparation is not timed", async () => {
  const { clock, takes } = madeClock();
  const log: string[] = [];
  const task = (name: string, milliseconds: number) => ({
    prepare: () => takes(1000),
    run: () => {
      log.push(name);
      return takes(milliseconds);
    },
  });
  const told: number[] = [];
  const times = await timeInterleaved([task("a", 5), task("b", 7)], {
    runs: 3,
    warmUp: 0,
    clock,
    onRun: (done) => told.push(done),
  });
  assert.deepEqual(times, [[5, 5, 5], [7, 7, 7]]);
  assert.equal(log.slice(-6).join(""), "abbaab");
  assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("a task is warm when its time no longer falls and it ran long enough", async () => {
  const { clock, takes } = madeClock();
  let calls = 0;
  const compiling = { run: () => takes(Math.max(10, 40 - 10 * calls++)) };
  const options = { runs: 1, warmUp: 150, clock, onRun: () => {} };
  assert.deepEqual(await timeInterleaved([compiling], options), [[10]]);
  // 40 + 30 + 20 + 10, then five more runs of 10 until 150 ms are spent, then the one that counts.
  assert.equal(calls, 10);
});

Deno.test("a task whose time never settles is timed all the same", async () => {
  const { clock, takes } = madeClock();
  let next = 4;
  let calls = 0;
  const falling = {
    run: () => {
      calls++;
      return takes(next *= 0.9);
    },
  };
  await timeInterleaved([falling], { runs: 1, warmUp: 1, clock, onRun: () => {} });
  // 3.6 + 3.24 + 2.916 + 2.6244 is the first sum beyond ten times the least warm-up.
  assert.equal(calls, 4 + 1);
});

async function withPaperEngine(halting: HaltingMode, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await openEngine({ ...PAPER_CONFIG, halting }, { device: "cpu", threads: 1 });
  try {
    await body(engine);
  } finally {
    await engine.close();
  }
}

Deno.test("a halting bias is found for each mean depth", async () => {
  await withPaperEngine("exit", async (engine) => {
    const batch = uniformBatch(PAPER_CONFIG, 4, 50);
    for (const wanted of [1, 2, 2.8, 5, 8]) {
      const { meanSteps } = await weightsOfDepth(engine, PAPER_CONFIG, batch, wanted);
      assert.ok(Math.abs(meanSteps - wanted) < 0.05, `wanted ${wanted}, found ${meanSteps}`);
      // The engine is left with these weights, and a training step reports the same work.
      assert.equal(await countApplications(engine, PAPER_CONFIG, batch), meanSteps * batch.tokens.length);
    }
  });
});

Deno.test("in soft mode every token works until the last of its sequence has halted", async () => {
  const config = { ...PAPER_CONFIG, halting: "soft" } as const;
  const prediction: Prediction = { logits: new Float32Array(4), haltingSteps: Uint8Array.of(1, 4, 2, 3, 3) };
  const engine = { predict: () => Promise.resolve(prediction) } as unknown as Engine;
  const batch = {
    tokens: new Int32Array(5),
    offsets: Uint32Array.of(0, 2, 5),
    labels: Uint8Array.of(0, 1),
  };
  assert.equal(await countApplications(engine, config, batch), 2 * 4 + 3 * 3);
  assert.equal(await countApplications(engine, { ...config, halting: "exit" }, batch), 13);
});

Deno.test("a length that is too much for the device is left out, and told", async () => {
  const engine = {
    upload: () => Promise.resolve(),
    close: () => Promise.resolve(),
    predict: ({ tokens }: PackedBatch) =>
      Promise.resolve({ logits: new Float32Array(2), haltingSteps: new Uint8Array(tokens.length).fill(8) }),
    gradient: ({ offsets }: PackedBatch) =>
      offsets[1] > 64 ? Promise.reject(new LengthError("Cannot run it", "Use shorter ones.")) : Promise.resolve(),
  } as unknown as Engine;
  const told: string[] = [];
  const rows = await benchmarkLength({
    open: () => Promise.resolve(engine),
    device: "device",
    threads: [1],
    sizes: QUICK_SIZES,
    timing: { runs: 1, warmUp: 0, clock: () => performance.now(), onRun: () => {} },
    onSkip: (line) => told.push(line),
  });
  assert.deepEqual(rows.map(({ figure, shape }) => [figure, shape.split(" ")[0]]), [
    ["forward_by_length", "4x64"],
    ["forward_by_length", "1x256"],
    ["forward_by_length_ratio", "1x256"],
    ["forward_backward_by_length", "4x64"],
  ]);
  assert.deepEqual(told, ["Without forward_backward_by_length of 256 tokens: Cannot run it"]);
});
