import { UsageError } from "../errors.ts";
import { type AdapterChoice, type AdapterSummary, findAdapter, requireAdapter, summarize } from "./gpu/adapter.ts";
import type { Numerics } from "./numerics.ts";
import type { Precision } from "./precision.ts";

/** Where a user may ask for the numbers to be computed. */
export const DEVICES = ["auto", "cpu", "gpu", "reference"] as const;
export type Device = typeof DEVICES[number];

/** What a user asks for. */
export interface DeviceWish {
  readonly device: Device;
  /** Which GPU, where there are several. */
  readonly adapter?: AdapterChoice;
  /** `strict` is for bytes equal across machines, which no GPU promises. */
  readonly numerics?: Numerics;
  /** `f16` is for a GPU; where `auto` takes the CPU, it computes in single precision. */
  readonly precision?: Precision;
}

/** Where the numbers will be computed, and why there, as a clause for people. */
export interface DeviceDecision {
  readonly device: Exclude<Device, "auto">;
  readonly reason: string;
}

/** What `auto` takes: a real GPU, else the CPU engine, which is faster than a GPU that a processor imitates. */
export function decideDevice(adapter: AdapterSummary | undefined): DeviceDecision {
  if (adapter === undefined) return { device: "cpu", reason: "WebGPU finds no adapter" };
  return adapter.software
    ? { device: "cpu", reason: `${adapter.name} is a software adapter` }
    : { device: "gpu", reason: `${adapter.name} is a GPU` };
}

/**
 * Where `openEngine` will compute for that wish. To be called before long preparations: throws DeviceError when a GPU is
 * asked for and there is none, UsageError for a GPU with strict numerics and for half precision without a GPU.
 */
export async function chooseDevice({ device, adapter, numerics, precision }: DeviceWish): Promise<DeviceDecision> {
  if (precision === "f16") requireHalf(device, numerics);
  if (numerics === "strict") {
    if (device === "auto") return { device: "cpu", reason: "strict numerics are the CPU engine's" };
    if (device === "gpu") {
      throw new UsageError(
        "Cannot compute on a GPU with strict numerics: its driver decides how it rounds",
        "Use --device cpu with --numerics strict, or leave --numerics out.",
      );
    }
  }
  if (device === "auto") return await decideAutomatically(adapter);
  if (device === "gpu") await requireAdapter(adapter);
  return { device, reason: `--device ${device}` };
}

/** Whether half precision goes with what else was asked for, which needs a GPU. */
export function mayBeHalf(device: Device, numerics: Numerics | undefined): boolean {
  return device !== "cpu" && device !== "reference" && numerics !== "strict";
}

function requireHalf(device: Device, numerics: Numerics | undefined): void {
  if (mayBeHalf(device, numerics)) return;
  const other = numerics === "strict" ? "--numerics strict" : `--device ${device}`;
  throw new UsageError(
    `Cannot compute in half precision with ${other}: only the GPU's kernels have it`,
    "Use --device gpu with --precision f16, or leave --precision out.",
  );
}

const decisions = new Map<AdapterChoice | undefined, DeviceDecision>();

/** Asks for an adapter once, since that loads its driver. */
async function decideAutomatically(choice: AdapterChoice | undefined): Promise<DeviceDecision> {
  const known = decisions.get(choice);
  if (known !== undefined) return known;
  const adapter = await findAdapter(choice);
  const decision = decideDevice(adapter === undefined ? undefined : summarize(adapter));
  decisions.set(choice, decision);
  return decision;
}
