import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { type CreateEngine, TOLERANCES } from "../../src/engine/verification.ts";
import { FULL_GPU, TEST_GPU } from "./gpu_adapter.ts";

/** An engine that is held against the reference. */
export interface EngineUnderTest {
  readonly name: string;
  readonly open: CreateEngine;
  /** Largest accepted error (spec §6). */
  readonly tolerance: number;
  /** Seeds of the agreement cases that it is held against; all of them when absent. */
  readonly seeds?: readonly number[];
  /** The machine lacks what the engine needs. */
  readonly ignore: boolean;
}

/**
 * Of each mode the cases of the paper's sizes, whose kernels are the same, and of others those that are the hardest in half precision:
 * bins that are much alike, few tokens, gradients that cancel. EPSILON_GPU_FULL=1 runs all, each of which compiles its kernels.
 */
const HALF_SEEDS = [
  ...[1, 3, 21, 22, 24, 27, 28, 42, 45],
  ...[2, 4, 23, 43],
  ...[29, 30, 44],
  ...[6, 11, 20, 26, 32, 34, 46],
  ...[208, 210, 222],
];

/** Every engine but the reference: one line here brings agreement on all cases and all golden files. */
export const ENGINES: readonly EngineUnderTest[] = [
  {
    name: "cpu, fast",
    open: (config) => CpuEngine.open(config, { threads: 1, numerics: "fast" }),
    tolerance: TOLERANCES.float32,
    ignore: false,
  },
  {
    name: "cpu, strict",
    open: (config) => CpuEngine.open(config, { threads: 1, numerics: "strict" }),
    tolerance: TOLERANCES.float32,
    ignore: false,
  },
  {
    name: "gpu",
    open: (config) => GpuEngine.open(config),
    tolerance: TOLERANCES.float32,
    ignore: !TEST_GPU,
  },
  {
    name: "gpu, f16",
    open: (config) => GpuEngine.open(config, { precision: "f16" }),
    tolerance: TOLERANCES.float16,
    ...!FULL_GPU && { seeds: HALF_SEEDS },
    ignore: !TEST_GPU,
  },
];
