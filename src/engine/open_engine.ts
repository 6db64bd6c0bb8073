import { DeviceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Engine } from "./engine.ts";
import type { Numerics } from "./numerics.ts";

/** Where a user may ask for the numbers to be computed. */
export const DEVICES = ["auto", "cpu", "gpu", "reference"] as const;
export type Device = typeof DEVICES[number];

export interface OpenEngineOptions {
  readonly device: Device;
  /** Worker threads of the CPU engine; 0 means one a core. */
  readonly threads: number;
  /** Rounding of the CPU engine; `fast` when absent. */
  readonly numerics?: Numerics;
}

/**
 * Opens the back end for `device`, all weights zero; `auto` takes the fastest there is. The caller closes it.
 * Throws DeviceError when the device is not there.
 */
export async function openEngine(
  config: ModelConfig,
  { device, threads, numerics }: OpenEngineOptions,
): Promise<Engine> {
  switch (device) {
    case "reference": {
      const { ReferenceEngine } = await import("./reference_engine.ts");
      return new ReferenceEngine(config);
    }
    case "gpu":
      throw new DeviceError(
        "Cannot open the GPU: this version of epsilon has no WebGPU engine",
        "Use --device cpu or --device auto.",
      );
    case "auto":
    case "cpu": {
      const { CpuEngine } = await import("./cpu_engine.ts");
      return await CpuEngine.open(config, { threads, numerics });
    }
  }
}
