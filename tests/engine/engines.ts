import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import type { CreateEngine } from "../../src/engine/verification.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

/** An engine that is held against the reference. */
export interface EngineUnderTest {
  readonly name: string;
  readonly open: CreateEngine;
  /** The machine lacks what the engine needs. */
  readonly ignore: boolean;
}

/** Every engine but the reference: one line here brings agreement on all cases and all golden files. */
export const ENGINES: readonly EngineUnderTest[] = [
  {
    name: "cpu, fast",
    open: (config) => CpuEngine.open(config, { threads: 1, numerics: "fast" }),
    ignore: false,
  },
  {
    name: "cpu, strict",
    open: (config) => CpuEngine.open(config, { threads: 1, numerics: "strict" }),
    ignore: false,
  },
  {
    name: "gpu",
    open: (config) => GpuEngine.open(config),
    ignore: !TEST_GPU,
  },
];
