import { type LoadedCheckpoint, loadedCheckpoint } from "./checkpoint_file.ts";

/** What messages call the model that is built into the program. */
export const SHIPPED_MODEL = "the built-in model";

/**
 * The trained model that is built into the program: film reviews in English, class 0 negative, 1 positive; see
 * `docs/model-card.md`. Throws DataError when its bytes were damaged.
 */
export async function loadShippedModel(): Promise<LoadedCheckpoint> {
  const { default: bytes } = await import("../../fixtures/model/epsilon.safetensors", { with: { type: "bytes" } });
  return await loadedCheckpoint(bytes, SHIPPED_MODEL);
}
