import { tmpdir } from "node:os";
import { DeviceError } from "../../errors.ts";
import type { Precision } from "../precision.ts";

/** How an adapter calls itself. */
export interface AdapterSummary {
  readonly name: string;
  /** Whether a processor imitates a GPU: right, but slower than the CPU engine. */
  readonly software: boolean;
}

/** Adapters by power preference: those that WebGPU lets a program choose from. */
export const ADAPTERS = ["high-performance", "low-power"] as const;
export type AdapterChoice = typeof ADAPTERS[number];

/** Which GPU, and how it keeps what it computes with; `f32` unless asked otherwise. */
export interface GpuOptions {
  readonly adapter?: AdapterChoice;
  readonly precision?: Precision;
}

const HOW_TO_GET_ONE =
  "Install the graphics driver with its Vulkan part (on Linux without a GPU: mesa-vulkan-drivers), or use --device cpu.";

/** Names of software rasterizers, for adapters that do not say what they are. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i;

/** The adapter that WebGPU offers for `choice`, or undefined. */
export async function findAdapter(choice: AdapterChoice = "high-performance"): Promise<GPUAdapter | undefined> {
  const gpu: GPU | undefined = navigator.gpu;
  quietenMesa();
  return await gpu?.requestAdapter({ powerPreference: choice }) ?? undefined;
}

/** Without this variable Mesa's OpenGL part prints an error of its own on every search for adapters. */
function quietenMesa(): void {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os === "linux" && Deno.env.get(name) === undefined) Deno.env.set(name, tmpdir());
}

/** What of an adapter's description is looked at. */
type AdapterInfo = Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description" | "isFallbackAdapter">;

/** How people call the adapter, and whether it is an imitation. */
export function summarize({ info }: { readonly info: AdapterInfo }): AdapterSummary {
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(" ");
  return { name: name || "unnamed adapter", software: info.isFallbackAdapter || SOFTWARE.test(name) };
}

/** The adapter for `choice`; throws DeviceError when there is none. */
export async function requireAdapter(choice?: AdapterChoice): Promise<GPUAdapter> {
  const adapter = await findAdapter(choice);
  if (adapter === undefined) throw new DeviceError("Cannot open the GPU: WebGPU finds no adapter", HOW_TO_GET_ONE);
  return adapter;
}

/** Limits that the kernels may need in full. */
const WANTED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Features that are used where the adapter has them. */
const WELCOME: readonly GPUFeatureName[] = ["timestamp-query"];

/** Features that a driver may have without listing them. */
const UNLISTED: readonly GPUFeatureName[] = ["subgroups"];

/** A device with the adapter's own limits, and with subgroups where the driver has them. Throws DeviceError when the adapter gives none. */
export async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits = Object.fromEntries(WANTED.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = WELCOME.filter((feature) => adapter.features.has(feature));
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures: [...requiredFeatures, ...UNLISTED] });
  } catch {
    // It has none of them.
  }
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch (cause) {
    throw new DeviceError(`Cannot open the GPU: ${cause instanceof Error ? cause.message : cause}`, HOW_TO_GET_ONE, {
      cause,
    });
  }
}
