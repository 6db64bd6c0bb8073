import type { PackedBatch } from "../../data/packed_batch.ts";
import { DeviceError } from "../../errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { GpuProgram } from "./program.ts";

/** Threads of a workgroup where the adapter allows so many. */
const THREADS = 256;

/** Threads of a software adapter's workgroup: it computes for each of them, with a token or without. */
const NARROW_THREADS = 64;

/**
 * The most work of a sequence, in tokens × layers × weights behind the embedding, that so few threads are given: the paper's
 * longest reviews, a quarter of the rounds after which Mesa cuts a thread's loops short.
 */
const NARROW_WORK = 2 ** 24;

/** Storage buffers of sequence.wgsl and of adamw.wgsl, which have the most. */
const STORAGE_BUFFERS = 10;

/** Threads of the workgroups that take sequences. */
export interface Widths {
  /** As many as the adapter allows, also for what is not a sequence. */
  readonly most: number;
  /** For sequences of little work. */
  readonly least: number;
}

/** The widths on this device; throws DeviceError naming the limit that `program` exceeds. */
export function workgroupWidths(
  program: Pick<GpuProgram, "workgroupBytes">,
  limits: GPUSupportedLimits,
  software: boolean,
): Widths {
  const allowed = Math.min(THREADS, limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  const most = 2 ** (31 - Math.clz32(allowed));
  requireLimit("maxStorageBuffersPerShaderStage", STORAGE_BUFFERS, limits);
  requireLimit("maxComputeWorkgroupStorageSize", program.workgroupBytes(most), limits);
  return { most, least: software ? Math.min(NARROW_THREADS, most) : most };
}

/** The threads for the sequences of a batch. */
export function widthFor(
  { most, least }: Widths,
  { maxLayers }: ModelConfig,
  { layout: { smallCount } }: GpuProgram,
  batch: PackedBatch,
): number {
  return longestSequence(batch) * maxLayers * smallCount <= NARROW_WORK ? least : most;
}

/** Tokens of the longest sequence. */
export function longestSequence({ offsets, labels }: PackedBatch): number {
  let longest = 0;
  for (let s = 0; s < labels.length; s++) longest = Math.max(longest, offsets[s + 1] - offsets[s]);
  return longest;
}

function requireLimit(
  name: "maxStorageBuffersPerShaderStage" | "maxComputeWorkgroupStorageSize",
  needed: number,
  limits: GPUSupportedLimits,
): void {
  if (needed <= limits[name]) return;
  throw new DeviceError(
    `Cannot run this model on the GPU: it needs ${name} ${needed}, the adapter has ${limits[name]}`,
    "Use fewer bins or features, or --device cpu.",
  );
}
