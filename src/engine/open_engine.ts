import { DeviceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { chooseDevice, type Device, DEVICES, type DeviceWish } from "./choose_device.ts";
import type { Engine } from "./engine.ts";
import { type AdapterChoice, ADAPTERS } from "./gpu/adapter.ts";

export { type AdapterChoice, ADAPTERS, type Device, DEVICES };

export interface OpenEngineOptions extends DeviceWish {
  /** Worker threads of the CPU engine; 0 means one a core. */
  readonly threads: number;
}

/**
 * Opens the back end for `device`, all weights zero. `auto` takes a real GPU whose limits suffice, else the CPU: also where
 * there is only a software adapter, which is slower, and then in single precision. The caller closes the engine. Throws DeviceError when the device is
 * not there or its limits are too low, UsageError as `chooseDevice`.
 */
export async function openEngine(config: ModelConfig, options: OpenEngineOptions): Promise<Engine> {
  const { device } = await chooseDevice(options);
  switch (device) {
    case "reference": {
      const { ReferenceEngine } = await import("./reference_engine.ts");
      return new ReferenceEngine(config);
    }
    case "gpu": {
      try {
        return await openGpu(config, options);
      } catch (error) {
        if (options.device === "gpu" || !(error instanceof DeviceError)) throw error;
        return await openCpu(config, options);
      }
    }
    case "cpu":
      return await openCpu(config, options);
  }
}

async function openGpu(config: ModelConfig, { adapter, precision }: OpenEngineOptions): Promise<Engine> {
  const { GpuEngine } = await import("./gpu_engine.ts");
  return await GpuEngine.open(config, { adapter, precision });
}

async function openCpu(config: ModelConfig, { threads, numerics }: OpenEngineOptions): Promise<Engine> {
  const { CpuEngine } = await import("./cpu_engine.ts");
  return await CpuEngine.open(config, { threads, numerics });
}
