import { availableParallelism, cpus } from "node:os";
import { PAPER_SIZES, QUICK_SIZES } from "../diagnose/benchmark/bench.ts";
import {
  BENCHMARK,
  type BenchmarkSubject,
  MODEL_COMPARISON,
  THREAD_COMPARISON,
} from "../diagnose/benchmark/benchmark.ts";
import { BENCHMARK_COLUMNS, type BenchmarkRow } from "../diagnose/benchmark/row.ts";
import type { TimingOptions } from "../diagnose/benchmark/timing.ts";
import type { EngineKind } from "../engine/engine.ts";
import { openEngine } from "../engine/open_engine.ts";
import { UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import { type ModelConfig, PAPER_CONFIG } from "../model/config.ts";
import type { BenchContext } from "./bench.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import { Progress } from "./progress.ts";
import { requireAgreement, verifyDevice } from "./verify_run.ts";

/** Milliseconds for which each task runs at least before its time counts. */
const WARM_UP = { paper: 300, quick: 10 } as const;

const HEADER = formatCsvRow(BENCHMARK_COLUMNS);

/** The body of `epsilon bench`. */
export async function bench({ values, terminal }: BenchContext): Promise<number> {
  const subjects = subjectsOf(values);
  const progress = new Progress(values.progress);
  try {
    const device = await describeDevice(values);
    progress.milestone(`Verifying, then timing: ${device.description}`, { kind: "start", ...device });
    const { rows } = await verifyDevice({ ...values, tolerance: 0 }, terminal);
    requireAgreement(rows);
    const figures = await timeSubjects(subjects, values, device, progress, terminal);
    const document = jsonDocument({ ...device, figures });
    if (values.json) await terminal.write(document);
    if (values.out !== undefined) {
      await writeFileAtomically(values.out, values.json ? document : HEADER + figures.map(csvRow).join(""));
    }
  } finally {
    progress.clear();
  }
  return 0;
}

interface Device {
  /** Name in the rows: processor or adapter. */
  readonly device: string;
  readonly description: string;
  readonly engine: EngineKind;
  /** Whether its engine works on threads of this machine. */
  readonly threaded: boolean;
}

async function describeDevice(
  { device, threads, numerics, adapter, precision }: BenchContext["values"],
): Promise<Device> {
  const engine = await openEngine(PAPER_CONFIG, { device, threads, numerics, adapter, precision });
  try {
    const { kind, description } = engine;
    const engineName = kind === "cpu" && numerics === "strict" ? "cpu strict" : kind;
    const processor = cpus()[0]?.model.trim() || "unknown processor";
    return {
      device: kind === "gpu" ? description : `${engineName}: ${processor}`,
      description,
      engine: kind,
      threaded: kind === "cpu",
    };
  } finally {
    await engine.close();
  }
}

/** All figures; as CSV, each subject's are printed as soon as they are measured. */
async function timeSubjects(
  subjects: readonly BenchmarkSubject[],
  values: BenchContext["values"],
  device: Device,
  progress: Progress,
  terminal: Terminal,
): Promise<BenchmarkRow[]> {
  const setting = {
    open: (config: ModelConfig, threads: number) => openEngine(config, { ...values, threads }),
    device: device.device,
    threads: device.threaded ? threadCounts(values) : [1],
    sizes: values.quick ? QUICK_SIZES : PAPER_SIZES,
    onSkip: (line: string) => {
      progress.clear();
      terminal.warn(line);
    },
  };
  const figures: BenchmarkRow[] = [];
  if (!values.json) await terminal.write(HEADER);
  for (const { name, run } of subjects) {
    progress.begin();
    const timing: TimingOptions = {
      runs: values.runs,
      warmUp: values.quick ? WARM_UP.quick : WARM_UP.paper,
      clock: () => performance.now(),
      onRun: (done, total) => progress.update({ label: `timing ${name}`, done, total }),
    };
    const rows = await run({ ...setting, timing });
    progress.clear();
    figures.push(...rows);
    if (!values.json) await terminal.write(rows.map(csvRow).join(""));
  }
  return figures;
}

function subjectsOf({ compareThreads, compareModels }: BenchContext["values"]): readonly BenchmarkSubject[] {
  if (compareThreads && compareModels) {
    throw new UsageError(
      "Cannot compare: both --compare-threads and --compare-models were given",
      "Give one of them, or neither for the whole benchmark.",
    );
  }
  if (compareModels) return MODEL_COMPARISON;
  return compareThreads ? THREAD_COMPARISON : BENCHMARK;
}

/** One thread and all of them; when threads are what is compared, the powers of two between as well. */
function threadCounts({ threads, compareThreads }: BenchContext["values"]): number[] {
  const most = threads === 0 ? availableParallelism() : threads;
  const counts = new Set([1]);
  if (compareThreads) { for (let count = 2; count < most; count *= 2) counts.add(count); }
  return [...counts.add(most)];
}

function csvRow(row: BenchmarkRow): string {
  return formatCsvRow(BENCHMARK_COLUMNS.map((column) => row[column]));
}
