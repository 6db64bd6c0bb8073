import type { ModelConfig } from "../../model/config.ts";
import type { SequenceTrace } from "../engine.ts";
import { vanillaTrace } from "../vanilla_trace.ts";
import type { Kernels } from "./module.ts";

/** Lanes of a tile. */
const LANES = 8;

/** The field of a block's record that holds its state (kernels/vanilla/workspace.as.ts). */
const STATE = 0;

/** Reads the states of the sequence of n tokens that `kernels` ran last. */
export function traceStack(kernels: Kernels, buffer: ArrayBufferLike, config: ModelConfig, n: number): SequenceTrace {
  const { dModel: d, maxLayers } = config;
  const floats = new Float32Array(buffer);
  const rows = 4 * Math.ceil(d / 4);
  const states = Array.from({ length: maxLayers + 1 }, (_, layer) => {
    const first = (kernels.recordField(layer, STATE) >>> 0) >>> 2;
    return Float32Array.from({ length: n * d }, (_, e) => {
      const token = Math.floor(e / d);
      return floats[first + (Math.floor(token / LANES) * rows + e % d) * LANES + token % LANES];
    });
  });
  return vanillaTrace(config, states);
}
