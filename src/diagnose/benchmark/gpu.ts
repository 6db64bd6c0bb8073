import { expectedMilliseconds, LAPTOP_GPU, type StepCounters, stepCounters } from "../../engine/gpu/counters.ts";
import type { DispatchTime } from "../../engine/gpu/stopwatch.ts";
import { GpuEngine } from "../../engine/gpu_engine.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../model/config.ts";
import { type Bench, caseOf, mostThreads, openWithin, paperModel } from "./bench.ts";
import { prepareModel } from "./models.ts";
import { type BenchmarkCase, type BenchmarkRow, countRow, timeRow } from "./row.ts";
import { timeInterleaved } from "./timing.ts";
import { stepSettings, uniformBatch } from "./workload.ts";

/** Training steps of a submission, as many as make reading back cheap. */
const TOGETHER = 16;

/**
 * What a training step of each model asks of the GPU by its layout, what that would take on a laptop's, and what it takes
 * on this one: of many steps in one submission, and of each dispatch by the adapter's own clock. Nothing on another device.
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
  const counters = stepCounters(config, work, engine.workgroupThreads);
  const step = { batch, settings: stepSettings(dropout) };
  const steps = new Array<typeof step>(TOGETHER).fill(step);
  const [times] = await timeInterleaved([{ run: () => engine.trainSteps(steps) }], bench.timing);
  const profiles: DispatchTime[][] = [];
  for (let run = 0; run < bench.timing.runs; run++) profiles.push(await engine.profile(step) ?? []);
  return [
    ...counterRows(measured, counters, work.tokens),
    timeRow(measured, "gpu_step_of_many", "ms", times, 1 / TOGETHER),
    ...profiles[0].map(({ pass }, k) =>
      timeRow(measured, `gpu_dispatch_${pass}`, "ms", profiles.map((profile) => profile[k].milliseconds))
    ),
  ];
}

/** The counters, and the time that they would take on a laptop's GPU: at best, and with dearer dispatches. */
function counterRows(measured: BenchmarkCase, counters: StepCounters, tokens: number): BenchmarkRow[] {
  const expected = (pace: keyof typeof LAPTOP_GPU) => expectedMilliseconds(counters, tokens, LAPTOP_GPU[pace]);
  return [
    countRow(measured, "gpu_dispatches", "a step", counters.dispatches),
    countRow(measured, "gpu_workgroup_memory", "bytes", counters.workgroupBytes),
    countRow(measured, "gpu_memory", "bytes/token", counters.tokenBytes),
    countRow(measured, "gpu_least_written_and_read", "bytes/token", counters.movedPerToken),
    { ...countRow(measured, "gpu_expected_step", "ms on a laptop", expected("median")), best: expected("best") },
  ];
}
