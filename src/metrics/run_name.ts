import { applicableConfig, type ModelConfig, variantName } from "../model/config.ts";
import type { TrainConfig } from "../train/config.ts";
import type { ProvocationRecord } from "./run_json.ts";

/** What determines a training run's result. */
export interface RunIdentity {
  readonly model: ModelConfig;
  readonly recipe: TrainConfig;
  readonly dataSha256: string;
  readonly vocabularySha256: string;
  readonly provocation?: ProvocationRecord;
}

/**
 * A name such as `epsilon-exit-seed42-1f0c3a9b`, a function of what is trained and of nothing else: the same run has
 * the same name, and so the same `metrics.csv`, in whatever folder and on whatever device it is made.
 */
export async function nameRun(
  { model, recipe, dataSha256, vocabularySha256, provocation }: RunIdentity,
): Promise<string> {
  // How often something is written changes nothing of what is trained.
  const { logEvery: _logEvery, checkpointEvery: _checkpointEvery, ...trained } = recipe;
  const sorted = (record: object) => Object.entries(record).toSorted(([a], [b]) => a < b ? -1 : 1);
  const shifted = provocation === undefined ? [] : [sorted(provocation)];
  const parts = [sorted(applicableConfig(model)), sorted(trained), dataSha256, vocabularySha256, ...shifted];
  const identity = JSON.stringify(parts);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity)));
  return `${variantName(model)}-seed${recipe.seed}-${digest.subarray(0, 4).toHex()}`;
}
