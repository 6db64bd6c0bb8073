import type { Weights } from "./tensors.ts";

/** AdamW's state beside the weights (spec §2, "Optimizer"). */
export interface OptimizerState<Slab extends Float32Array | Float64Array = Float32Array | Float64Array> {
  /** First moments [parameters]. */
  readonly firstMoment: Slab;
  /** Second moments [parameters]. */
  readonly secondMoment: Slab;
  /** Optimizer steps already taken. */
  readonly step: number;
}

/** Everything that a training step changes. */
export interface ModelState<Slab extends Float32Array | Float64Array = Float32Array | Float64Array> {
  readonly weights: Weights<Slab>;
  /** Absent in a model that is only used. */
  readonly optimizer?: OptimizerState<Slab>;
}
