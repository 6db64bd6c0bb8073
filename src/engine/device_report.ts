import { EpsilonError } from "../errors.ts";
import { PAPER_CONFIG } from "../model/config.ts";
import { type AdapterChoice, ADAPTERS, findAdapter, summarize } from "./gpu/adapter.ts";
import { GpuEngine } from "./gpu_engine.ts";

/** Limits that decide how large a model and a batch an adapter takes. */
const SHOWN_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxStorageBuffersPerShaderStage",
] as const;

/** An adapter as `doctor` shows it. */
export interface AdapterReport {
  /** The `--adapter` values that lead to it. */
  readonly choices: readonly string[];
  readonly name: string;
  /** Whether a processor imitates a GPU. */
  readonly software: boolean;
  /** Whether its sums are made by subgroups, which it may have without listing them; null where it opens no device. */
  readonly subgroups: boolean | null;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

async function sumsBySubgroups(adapter: AdapterChoice): Promise<boolean | null> {
  try {
    const engine = await GpuEngine.open(PAPER_CONFIG, { adapter });
    await engine.close();
    return engine.sumsBySubgroups;
  } catch (error) {
    if (!(error instanceof EpsilonError)) throw error;
    return null;
  }
}

/** Every adapter that WebGPU offers, once each; none where there is no driver. */
export async function reportAdapters(): Promise<AdapterReport[]> {
  const reports = new Map<string, AdapterReport>();
  for (const choice of ADAPTERS) {
    const adapter = await findAdapter(choice);
    if (adapter === undefined) continue;
    const { name, software } = summarize(adapter);
    const key = JSON.stringify([name, adapter.info.vendor, adapter.info.device]);
    reports.set(key, {
      choices: [...reports.get(key)?.choices ?? [], choice],
      name,
      software,
      subgroups: await sumsBySubgroups(choice),
      features: [...adapter.features].sort(),
      limits: Object.fromEntries(SHOWN_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
    });
  }
  return [...reports.values()];
}
