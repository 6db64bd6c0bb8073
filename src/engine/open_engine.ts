import { DeviceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Engine } from "./engine.ts";
import type { Numerics } from "./numerics.ts";
import { type AdapterChoice, ADAPTERS, findAdapter, summarize } from "./gpu/adapter.ts";

/** Where a user may ask for the numbers to be computed. */
export const DEVICES = ["auto", "cpu", "gpu", "reference"] as const;
export type Device = typeof DEVICES[number];

export { type AdapterChoice, ADAPTERS };

export interface OpenEngineOptions {
  readonly device: Device;
  /** Worker threads of the CPU engine; 0 means one a core. */
  readonly threads: number;
  /** Rounding of the CPU engine; `fast` when absent. */
  readonly numerics?: Numerics;
  /** Which GPU, where there are several. */
  readonly adapter?: AdapterChoice;
}

/**
 * Opens the back end for `device`, all weights zero. `auto` takes a real GPU that the model fits, else the CPU; `gpu`
 * takes a software adapter as well. The caller closes it. Throws DeviceError when the device is not there.
 */
export async function openEngine(
  config: ModelConfig,
  { device, threads, numerics, adapter }: OpenEngineOptions,
): Promise<Engine> {
  switch (device) {
    case "reference": {
      const { ReferenceEngine } = await import("./reference_engine.ts");
      return new ReferenceEngine(config);
    }
    case "gpu": {
      const { GpuEngine } = await import("./gpu_engine.ts");
      return await GpuEngine.open(config, { adapter });
    }
    case "auto":
      return await openRealGpu(config, adapter) ?? await openCpu(config, threads, numerics);
    case "cpu":
      return await openCpu(config, threads, numerics);
  }
}

async function openCpu(config: ModelConfig, threads: number, numerics?: Numerics): Promise<Engine> {
  const { CpuEngine } = await import("./cpu_engine.ts");
  return await CpuEngine.open(config, { threads, numerics });
}

/** The GPU's engine where there is a GPU that is no imitation and whose limits suffice. */
async function openRealGpu(config: ModelConfig, choice: AdapterChoice | undefined): Promise<Engine | undefined> {
  const found = await findAdapter(choice);
  if (found === undefined || summarize(found).software) return undefined;
  const { GpuEngine } = await import("./gpu_engine.ts");
  try {
    return await GpuEngine.open(config, { adapter: choice });
  } catch (error) {
    if (error instanceof DeviceError) return undefined;
    throw error;
  }
}
