import type { Engine, StepResult, TrainingStep } from "./engine.ts";

/**
 * Trains `steps` in turn, up to the first that does not update; returns the results so far, that one included. In one
 * call where the engine can, else one by one. Throws what `Engine.trainStep` throws.
 */
export async function trainSteps(
  engine: Pick<Engine, "trainStep" | "trainSteps">,
  steps: readonly TrainingStep[],
): Promise<StepResult[]> {
  if (engine.trainSteps !== undefined) return await engine.trainSteps(steps);
  const results: StepResult[] = [];
  for (const { batch, settings, aid } of steps) {
    const result = await engine.trainStep(batch, settings, aid);
    results.push(result);
    if (!result.updated) break;
  }
  return results;
}
