import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import { type CreateEngine, TOLERANCES } from "../../src/engine/verification.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

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
 * Of both models the paper's sizes, odd ones, many heads and one, dropout and noise, and no halting decision that half
 * precision could turn; each compiles its kernels, which takes time.
 */
const HALF_SEEDS = [6, 20, 30, 34, 208, 210, 222];

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
    seeds: HALF_SEEDS,
    ignore: !TEST_GPU,
  },
];
