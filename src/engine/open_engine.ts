import { DeviceError } from "../errors.ts";
import type { Model, ModelConfig } from "../model/config.ts";
import type { Engine } from "./engine.ts";
import type { Numerics } from "./numerics.ts";
import { type AdapterChoice, ADAPTERS } from "./gpu/adapter.ts";

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

/** Whether the back end for `device` computes `model`. */
export function computesModel(device: Device, model: Model): boolean {
  return model === "epsilon" || device === "reference";
}

/**
 * Opens the back end for `device`, all weights zero. `auto` takes the CPU: the GPU's kernels have been proved on a
 * software adapter only, and are slower there. The caller closes the engine. Throws DeviceError when the device is not
 * there or does not compute the model.
 */
export async function openEngine(
  config: ModelConfig,
  { device, threads, numerics, adapter }: OpenEngineOptions,
): Promise<Engine> {
  if (!computesModel(device, config.model)) {
    throw new DeviceError(
      `Cannot compute the ${config.model} model on the device ${device}: it has no kernels for it`,
      "Use --device reference.",
    );
  }
  switch (device) {
    case "reference": {
      const { ReferenceEngine } = await import("./reference_engine.ts");
      return new ReferenceEngine(config);
    }
    case "gpu": {
      if (config.halting === "repeat-k") {
        throw new DeviceError(
          "Cannot use the GPU: its kernels have no halting mode repeat-k",
          "Use --device cpu for this model.",
        );
      }
      const { GpuEngine } = await import("./gpu_engine.ts");
      return await GpuEngine.open(config, { adapter });
    }
    case "auto":
    case "cpu": {
      const { CpuEngine } = await import("./cpu_engine.ts");
      return await CpuEngine.open(config, { threads, numerics });
    }
  }
}
