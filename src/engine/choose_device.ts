import { UsageError } from "../errors.ts";
import { type AdapterChoice, type AdapterSummary, findAdapter, requireAdapter, summarize } from "./gpu/adapter.ts";
import type { Numerics } from "./numerics.ts";

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
 * asked for and there is none, UsageError for a GPU with strict numerics.
 */
export async function chooseDevice({ device, adapter, numerics }: DeviceWish): Promise<DeviceDecision> {
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
