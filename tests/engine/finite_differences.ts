import assert from "node:assert/strict";
import type { ModelConfig } from "../../src/model/config.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { type TensorSpec, tensorTable, type Weights } from "../../src/model/tensors.ts";

/** A function of the weights at one point: its value, and which of its smooth pieces the point lies on. */
export interface Sample {
  readonly value: number;
  /** Step counts and the like; a difference across two pieces says nothing about the gradient. */
  readonly piece: string;
}

export interface DifferenceOptions {
  readonly seed: number;
  /** Rows of the embedding that get no gradient by definition are not moved. */
  readonly padding: boolean;
}

const DIRECTIONS = 2;
const ATTEMPTS = 8;
const STEP = 5e-5;
/**
 * Share of the function's size. The five-point difference is off by some 1e-15 / 5e-5 = 2e-11 from rounding, and by
 * 5e-5⁴ · f⁽⁵⁾ / 30 from its own formula: 2e-11 for a fifth derivative of 1e8, which sharp softmaxes reach (halving
 * the step divides that part by 16).
 */
const TOLERANCE = 1e-9;

function direction(spec: TensorSpec, config: ModelConfig, stream: RandomStream, padding: boolean): Float64Array {
  const values = Float64Array.from({ length: spec.size }, () => stream.normal());
  if (padding && spec.name === tensorTable(config).embedding.name) values.fill(0, 0, config.dModel);
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map((value) => value / length);
}

/** The derivative at 0, or undefined where the function changes its piece. */
function derivative(at: (shift: number) => Sample, piece: string): number | undefined {
  const samples = [-2, -1, 1, 2].map((shift) => at(shift * STEP));
  if (samples.some((sample) => sample.piece !== piece)) return undefined;
  const [a, b, c, d] = samples.map((sample) => sample.value);
  return (8 * (c - b) - (d - a)) / (12 * STEP);
}

/**
 * Asserts that `gradient` [parameters] is that of `sample` at `weights`: along two random directions in every
 * parameter tensor, the central difference agrees. Directions that cross a halting decision are replaced.
 */
export function assertGradient(
  config: ModelConfig,
  weights: Weights<Float64Array>,
  sample: (weights: Weights<Float64Array>) => Sample,
  gradient: ArrayLike<number>,
  { seed, padding }: DifferenceOptions,
): void {
  const stream = new RandomStream(seed, Purpose.order, 77);
  const here = sample(weights);
  const total = Math.sqrt(Array.from(gradient).reduce((sum, slope) => sum + slope * slope, 0));
  for (const spec of tensorTable(config).parameters) {
    let checked = 0;
    for (let attempt = 0; attempt < ATTEMPTS && checked < DIRECTIONS; attempt++) {
      const moves = direction(spec, config, stream, padding);
      const difference = derivative((shift) => {
        const parameters = weights.parameters.slice();
        moves.forEach((move, e) => parameters[spec.offset + e] += shift * move);
        return sample({ parameters, buffers: weights.buffers });
      }, here.piece);
      if (difference === undefined) continue;
      checked++;
      const slope = moves.reduce((sum, move, e) => sum + move * gradient[spec.offset + e], 0);
      const scale = Math.max(1, Math.abs(here.value), total);
      assert(
        Math.abs(slope - difference) <= TOLERANCE * scale,
        `${spec.name}: gradient gives ${slope}, differences ${difference}, scale ${scale}`,
      );
    }
    assert.equal(checked, DIRECTIONS, `${spec.name}: every direction crosses a halting decision`);
  }
}
