import { DeviceError } from "../errors.ts";
import { type ModelConfig, variantName } from "../model/config.ts";
import { chooseDevice, type Device, DEVICES, type DeviceWish } from "./choose_device.ts";
import type { Engine } from "./engine.ts";
import { type AdapterChoice, ADAPTERS } from "./gpu/adapter.ts";

export { type AdapterChoice, ADAPTERS, type Device, DEVICES };

export interface OpenEngineOptions extends DeviceWish {
  /** Worker threads of the CPU engine; 0 means one a core. */
  readonly threads: number;
}

/** What decides whether a back end has kernels for a model. */
type ModelVariant = Pick<ModelConfig, "model" | "halting" | "repeat">;

/** Whether the back end for `device` computes models such as `config` describes. */
export function computesModel(device: Device, { model }: ModelVariant): boolean {
  return device !== "gpu" || model === "epsilon";
}

/**
 * Opens the back end for `device`, all weights zero. `auto` takes a real GPU that computes the model, else the CPU: also
 * where there is only a software adapter, which is slower. The caller closes the engine. Throws DeviceError when the
 * device is not there or does not compute the model.
 */
export async function openEngine(config: ModelConfig, options: OpenEngineOptions): Promise<Engine> {
  requireModel(options.device, config);
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

function requireModel(device: Device, config: ModelVariant): void {
  if (computesModel(device, config)) return;
  throw new DeviceError(
    `Cannot compute the ${variantName(config)} model on the device ${device}: it has no kernels for it`,
    "Use --device cpu.",
  );
}

async function openGpu(config: ModelConfig, { adapter }: OpenEngineOptions): Promise<Engine> {
  requireModel("gpu", config);
  const { GpuEngine } = await import("./gpu_engine.ts");
  return await GpuEngine.open(config, { adapter });
}

async function openCpu(config: ModelConfig, { threads, numerics }: OpenEngineOptions): Promise<Engine> {
  const { CpuEngine } = await import("./cpu_engine.ts");
  return await CpuEngine.open(config, { threads, numerics });
}
