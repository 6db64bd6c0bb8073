import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import type { CreateEngine } from "../../src/engine/verification.ts";

/** An engine that is held against the reference. */
export interface EngineUnderTest {
  readonly name: string;
  readonly open: CreateEngine;
}

/** Every engine but the reference: one line here brings agreement on all cases and all golden files. */
export const ENGINES: readonly EngineUnderTest[] = [
  { name: "cpu, fast", open: (config) => CpuEngine.open(config, { threads: 1, numerics: "fast" }) },
  { name: "cpu, strict", open: (config) => CpuEngine.open(config, { threads: 1, numerics: "strict" }) },
];
