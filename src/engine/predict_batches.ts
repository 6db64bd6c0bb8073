import type { PackedBatch } from "../data/packed_batch.ts";
import type { Engine, Prediction, PredictSettings } from "./engine.ts";

/** `Engine.predict` of each of `batches`, in their order: in one call where the engine can, else one by one. */
export async function predictBatches(
  engine: Pick<Engine, "predict" | "predictBatches">,
  batches: readonly PackedBatch[],
  settings: PredictSettings,
): Promise<Prediction[]> {
  if (engine.predictBatches !== undefined) return await engine.predictBatches(batches, settings);
  const predictions: Prediction[] = [];
  for (const batch of batches) predictions.push(await engine.predict(batch, settings));
  return predictions;
}
