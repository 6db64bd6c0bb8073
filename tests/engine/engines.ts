import { CpuEngine } from "../../src/engine/cpu_engine.ts";
import { GpuEngine } from "../../src/engine/gpu_engine.ts";
import type { Model } from "../../src/model/config.ts";
import type { AgreementCase } from "../../src/engine/cases.ts";
import type { CreateEngine } from "../../src/engine/verification.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

/** An engine that is held against the reference. */
export interface EngineUnderTest {
  readonly name: string;
  readonly open: CreateEngine;
  /** The machine lacks what the engine needs. */
  readonly ignore: boolean;
  /** Models on whose states it has no noise. */
  readonly quiet?: readonly Model[];
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
    quiet: ["vanilla"],
  },
];

/** Whether `engine` computes the case, its noise included. */
export function computesCase({ quiet = [] }: EngineUnderTest, { config, noise }: AgreementCase): boolean {
  return noise === undefined || !quiet.includes(config.model);
}
