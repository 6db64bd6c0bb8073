import type { PackedBatch } from "../../data/packed_batch.ts";
import type { Engine } from "../../engine/engine.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../model/config.ts";
import { initialWeights } from "../../model/initialization.ts";
import { type Bench, caseOf, mostThreads, openWithin, paperModel, type TimedCase, unlessTooLong } from "./bench.ts";
import { type BenchmarkRow, ratioRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { stepSettings, TYPICAL_STEPS, uniformBatch, weightsOfDepth } from "./workload.ts";

const NANOSECONDS = 1e6;
const SEED = 1;

/** What is compared: the baseline first, then Epsilon at a trained model's depth, and with all of its steps. */
const MODELS: readonly ModelConfig[] = [
  { ...PAPER_CONFIG, model: "vanilla" },
  paperModel("exit"),
  paperModel("soft"),
];

const PASSES = [
  {
    figure: "forward_by_model",
    pass: (engine: Engine, batch: PackedBatch) => engine.predict(batch, { want: "everything", klScale: 1 }),
  },
  {
    figure: "forward_backward_by_model",
    pass: (engine: Engine, batch: PackedBatch) => engine.gradient(batch, stepSettings(0)),
  },
];

/** Leaves `engine` with weights of its model; returns the block applications per token that they make of `batch`. */
export async function prepareModel(engine: Engine, config: ModelConfig, batch: PackedBatch): Promise<number> {
  if (config.model === "epsilon") {
    const wanted = config.halting === "exit" ? TYPICAL_STEPS : config.maxLayers;
    return (await weightsOfDepth(engine, config, batch, wanted)).meanSteps;
  }
  await engine.upload({ weights: initialWeights(config, SEED) });
  return config.maxLayers;
}

/** The engine of each model, open until `stack` ends. */
async function openModels(stack: AsyncDisposableStack, bench: Bench, threads: number) {
  const opened: { readonly config: ModelConfig; readonly engine: Engine }[] = [];
  for (const config of MODELS) {
    opened.push({ config, engine: await openWithin(stack, bench, config, threads) });
  }
  return opened;
}

/**
 * The paper's models side by side: cost per token against the length of the sequences, in batches of equally many
 * tokens on one thread, and how many times the baseline's full attention costs what Epsilon does, but for lengths that
 * the device cannot compute; then a training step of the paper's batch cut to its longest sequences, on all threads.
 */
export async function benchmarkModels(bench: Bench): Promise<BenchmarkRow[]> {
  return [...await benchmarkCosts(bench), ...await benchmarkSteps(bench)];
}

async function benchmarkCosts(bench: Bench): Promise<BenchmarkRow[]> {
  const { modelLengths } = bench.sizes;
  const threads = 1;
  const tokens = Math.max(...modelLengths);
  await using engines = new AsyncDisposableStack();
  const models = await openModels(engines, bench, threads);
  const rows: BenchmarkRow[] = [];
  for (const { figure, pass } of PASSES) {
    for (const length of modelLengths) {
      const sequences = tokens / length;
      const cases = await unlessTooLong(bench, `${figure} of ${length} tokens`, async () => {
        const cases: TimedCase[] = [];
        for (const { config, engine } of models) {
          const batch = uniformBatch(config, sequences, length);
          const meanSteps = await prepareModel(engine, config, batch);
          await pass(engine, batch);
          cases.push({
            measured: caseOf(bench, config, { threads, sequences, tokens: length, meanSteps }),
            run: () => pass(engine, batch),
          });
        }
        return cases;
      });
      if (cases === undefined) continue;
      const times = await timeInterleaved(cases, bench.timing);
      rows.push(
        ...cases.map(({ measured }, i) => timeRow(measured, figure, "ns/token", times[i], NANOSECONDS / tokens)),
      );
      rows.push(
        ...cases.slice(1).map(({ measured }, i) => {
          const unit = `times ${measured.model}, ${measured.halting}`;
          return ratioRow(cases[0].measured, `${figure}_ratio`, unit, times[0], times[i + 1]);
        }),
      );
    }
  }
  return rows;
}

async function benchmarkSteps(bench: Bench): Promise<BenchmarkRow[]> {
  const { sequences, longestTokens } = bench.sizes;
  const threads = mostThreads(bench);
  const { dropout } = PAPER_CONFIG;
  await using engines = new AsyncDisposableStack();
  const cases: TimedCase[] = [];
  for (const { config, engine } of await openModels(engines, bench, threads)) {
    const batch = uniformBatch(config, sequences, longestTokens);
    const meanSteps = await prepareModel(engine, config, batch);
    cases.push({
      measured: caseOf(bench, config, { threads, sequences, tokens: longestTokens, meanSteps, dropout }),
      run: () => engine.trainStep(batch, stepSettings(dropout)),
    });
  }
  const times = await timeInterleaved(cases, bench.timing);
  return cases.map(({ measured }, i) => timeRow(measured, "training_step_by_model", "ms", times[i]));
}
