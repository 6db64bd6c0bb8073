import type { ModelConfig } from "../model/config.ts";
import type { SequenceTrace } from "./engine.ts";

/** The trace of a model without halting and bins from its states, L + 1 of [n × d]. */
export function vanillaTrace(
  { dModel, maxLayers }: ModelConfig,
  states: readonly (Float32Array | Float64Array)[],
): SequenceTrace {
  const n = states[0].length / dModel;
  const none = new Float64Array(0);
  return {
    stepProbabilities: new Float64Array(n * maxLayers),
    haltingSteps: new Uint8Array(n).fill(maxLayers),
    binAssignmentStep0: none,
    attentionStep0: none,
    stateStep0: states[1],
    states,
    assignments: [],
    attention: [],
  };
}
