import process from "node:process";
import type { PackedBatch } from "../../data/packed_batch.ts";
import { CpuEngine } from "../../engine/cpu_engine.ts";
import type { Engine } from "../../engine/engine.ts";
import {
  type BatchWork,
  expectedMilliseconds,
  LAPTOP_GPU,
  type StepCounters,
  stepCounters,
} from "../../engine/gpu/counters.ts";
import type { DispatchTime } from "../../engine/gpu/stopwatch.ts";
import { rowTraffic } from "../../engine/gpu/traffic.ts";
import type { Precision } from "../../engine/precision.ts";
import { GpuEngine } from "../../engine/gpu_engine.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, mostThreads, openWithin, paperModel } from "./bench.ts";
import { prepareModel } from "./models.ts";
import { type BenchmarkCase, type BenchmarkRow, countRow, ratioRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { stepSettings, uniformBatch } from "./workload.ts";

/** Training steps of a submission, as many as make reading back cheap. */
const TOGETHER = 16;

/** Milliseconds of processor time that this process has spent so far, in all its threads: what a busy machine leaves alone. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * What a training step of each model asks of the GPU by its layout, what that would take on a laptop's, and what it takes
 * on this one: of many steps in one submission, and of each dispatch by the adapter's own clock; then the processor time
 * that the GPU engine takes, in times the CPU engine's. Nothing on another device.
 */
export async function benchmarkGpu(bench: Bench): Promise<BenchmarkRow[]> {
  const rows: BenchmarkRow[] = [];
  for (const config of [paperModel("exit"), { ...PAPER_CONFIG, model: "vanilla" as const }]) {
    rows.push(...await benchmarkModel(bench, config));
  }
  return rows;
}

async function benchmarkModel(bench: Bench, config: ModelConfig): Promise<BenchmarkRow[]> {
  const { sequences, tokens } = bench.sizes;
  const { dropout } = PAPER_CONFIG;
  await using engines = new AsyncDisposableStack();
  const threads = mostThreads(bench);
  const engine = await openWithin(engines, bench, config, threads);
  if (!(engine instanceof GpuEngine)) return [];
  const batch = uniformBatch(config, sequences, tokens);
  const meanSteps = await prepareModel(engine, config, batch);
  const measured = caseOf(bench, config, { threads, sequences, tokens, meanSteps, dropout });
  const work = { sequences, tokens: batch.tokens.length, meanSteps };
  const counters = stepCounters(config, work, engine.workgroupThreads, engine.precision);
  const step = { batch, settings: stepSettings(dropout) };
  const steps = new Array<typeof step>(TOGETHER).fill(step);
  const [times] = await timeInterleaved([{ run: () => engine.trainSteps(steps) }], bench.timing);
  const profiles: DispatchTime[][] = [];
  for (let run = 0; run < bench.timing.runs; run++) profiles.push(await engine.profile(step) ?? []);
  return [
    ...counterRows(measured, counters, work, engine.precision),
    timeRow(measured, "gpu_step_of_many", "ms", times, 1 / TOGETHER),
    ...profiles[0].map(({ pass }, k) =>
      timeRow(measured, `gpu_dispatch_${pass}`, "ms", profiles.map((profile) => profile[k].milliseconds))
    ),
    ...await processorRows(bench, config, measured, engine, batch),
  ];
}

/**
 * Processor time of a training step and of a pass, as times that of the CPU engine on one thread. On an adapter that is a
 * processor itself this shows what its driver wastes; on a real GPU, what is left to do on the host.
 */
async function processorRows(
  bench: Bench,
  config: ModelConfig,
  measured: BenchmarkCase,
  gpu: Engine,
  batch: PackedBatch,
): Promise<BenchmarkRow[]> {
  await using engines = new AsyncDisposableStack();
  const cpu = engines.adopt(await CpuEngine.open(config, { threads: 1 }), (engine) => engine.close());
  await prepareModel(cpu, config, batch);
  const work = [gpu, cpu].flatMap((engine) => [
    { run: () => engine.trainStep(batch, stepSettings(measured.dropout)) },
    { run: () => engine.predict(batch, { want: "everything", klScale: 1 }) },
  ]);
  const [gpuStep, gpuPass, cpuStep, cpuPass] = await timeInterleaved(work, { ...bench.timing, clock: processorTime });
  const unit = "times the CPU engine's";
  return [
    ratioRow(measured, "gpu_training_processor_time", unit, gpuStep, cpuStep),
    ratioRow({ ...measured, dropout: 0 }, "gpu_inference_processor_time", unit, gpuPass, cpuPass),
  ];
}

/** The counters, and the time that they would take on a laptop's GPU: at best, and with dearer dispatches. */
function counterRows(
  measured: BenchmarkCase,
  counters: StepCounters,
  { tokens, meanSteps }: BatchWork,
  precision: Precision,
): BenchmarkRow[] {
  const expected = (pace: keyof typeof LAPTOP_GPU) => expectedMilliseconds(counters, tokens, LAPTOP_GPU[pace]);
  return [
    countRow(measured, "gpu_dispatches", "a step", counters.dispatches),
    countRow(measured, "gpu_workgroup_memory", "bytes", counters.workgroupBytes),
    countRow(measured, "gpu_memory", "bytes/token", counters.tokenBytes),
    countRow(measured, "gpu_least_written_and_read", "bytes/token", counters.movedPerToken),
    ...trafficRows(measured, meanSteps, precision),
    { ...countRow(measured, "gpu_expected_step", "ms on a laptop", expected("median")), best: expected("best") },
  ];
}

/** What the Epsilon model's kernel touches of its table; the baseline's is not counted. */
function trafficRows(measured: BenchmarkCase, meanSteps: number, precision: Precision): BenchmarkRow[] {
  if (measured.model !== "epsilon") return [];
  const { read, written } = rowTraffic(meanSteps, precision);
  return [
    countRow(measured, "gpu_read", "bytes/token", read),
    countRow(measured, "gpu_written", "bytes/token", written),
  ];
}
