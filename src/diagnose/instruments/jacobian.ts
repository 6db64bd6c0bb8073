import type { ModelConfig } from "../../model/config.ts";
import { DropoutMask } from "../../model/dropout.ts";
import { hypotenuse } from "../../model/elementary.ts";
import { Purpose, RandomStream } from "../../model/random.ts";
import { BlockDerivative } from "../../model/reference/block_derivative.ts";
import { embed } from "../../model/reference/embedding.ts";
import { type ModelParts, modelParts } from "../../model/reference/parts.ts";
import { runRecurrence } from "../../model/reference/recurrence.ts";
import type { Weights } from "../../model/tensors.ts";
import { type Eigenvalue, leadingEigenvalues } from "../spectrum/arnoldi.ts";
import { norm } from "../spectrum/basis.ts";
import { henriciDeparture } from "../spectrum/departure.ts";
import { largestSingularValue } from "../spectrum/golub_kahan.ts";
import type { Effort } from "./effort.ts";
import { type InstrumentRow, metricRow } from "./table.ts";

const NO_DROPOUT = new DropoutMask([0, 0], 0);
const TOLERANCE = 1e-6;
/** Most products with J and Jᵀ behind a singular value. */
const SINGULAR_PRODUCTS = 100;
/** Applications of the block over which growth is followed. */
const GROWTH_APPLICATIONS = 30;
/** Largest state whose whole Jacobian is made for Henrici's departure: its eigenvalues cost the cube. */
const LARGEST_DENSE = 128;

export interface JacobianInput {
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** The review's number, and its tokens as the model reads them [n]. */
  readonly review: number;
  readonly tokens: Int32Array;
  readonly effort: Pick<Effort, "jacobianSteps" | "eigenvalues" | "eigenvalueProducts">;
  /** Seed of the random directions. */
  readonly seed: number;
}

/**
 * The Jacobian J of the block as a map of the whole sequence's state, [n·d × n·d], at the states that a review really
 * passes: the state before each application, every token updated, bins renewed, no dropout, in float64. For each:
 *
 * - `largest_singular_value`, with `singular_value_residual` ‖Jᵀu − σv‖ / σ;
 * - `spectral_radius`, with `eigenvalue_residual`, the largest ‖Jx − λx‖ / |λ| of the eigenvalues in `eigenvalues.csv`;
 *   missing when the largest has not settled;
 * - `non_normality`: largest singular value over spectral radius, 1 for a normal matrix;
 * - `henrici_departure`: Henrici's departure from normality over the norm, only where n·d ≤ 128.
 *
 * And for 30 applications from h⁰ on, halting or not: `tangent_growth`, the length of a random tangent of length 1 that
 * is carried along, and `state_change` ‖h⁺ − h‖ / ‖h‖.
 */
export function* jacobianRows(input: JacobianInput): Generator<InstrumentRow[], void, void> {
  const { config, review, tokens, effort, seed } = input;
  const parts = modelParts(config, {
    parameters: Float64Array.from(input.weights.parameters),
    buffers: Float64Array.from(input.weights.buffers),
  });
  const start = embed(parts, tokens, NO_DROPOUT);
  const stream = new RandomStream(seed, Purpose.diagnosis, review);
  const random = () => Float64Array.from(start, () => stream.normal());
  const { steps } = runRecurrence(parts, start, NO_DROPOUT, { keep: "all steps", endWithCls: false });
  for (const { t, input: state } of steps) {
    if (effort.jacobianSteps === "ends" && t > 0 && t < steps.length - 1) continue;
    yield spectrumRows(new BlockDerivative(parts, state), review, t + 1, effort, random);
  }
  yield growthRows(parts, start, review, random());
}

function spectrumRows(
  derivative: BlockDerivative,
  review: number,
  step: number,
  effort: JacobianInput["effort"],
  random: () => Float64Array,
): InstrumentRow[] {
  const size = derivative.output.length;
  const forward = (v: Float64Array) => derivative.forward(v);
  const backward = (u: Float64Array) => derivative.backward(u);
  const sigma = largestSingularValue(forward, backward, random(), { tolerance: TOLERANCE, limit: SINGULAR_PRODUCTS });
  const eigenvalues = leadingEigenvalues(forward, size, {
    count: effort.eigenvalues,
    tolerance: TOLERANCE,
    limit: effort.eigenvalueProducts,
    random,
  });
  const radius = eigenvalues.length === 0 ? NaN : modulus(eigenvalues[0]);
  const metrics = {
    largest_singular_value: sigma.value,
    singular_value_residual: sigma.residual,
    spectral_radius: radius,
    eigenvalue_residual: eigenvalues.length === 0 ? NaN : Math.max(...eigenvalues.map(({ residual }) => residual)),
    non_normality: sigma.value / radius,
    henrici_departure: size <= LARGEST_DENSE ? henriciDeparture(forward, size) : NaN,
  };
  return [
    ...Object.entries(metrics).map(([metric, value]) => metricRow("jacobian", [review, step], metric, value)),
    ...eigenvalues.map(({ real, imaginary }, index): InstrumentRow => ({
      table: "eigenvalues",
      cells: [review, step, index, real, imaginary],
    })),
  ];
}

function modulus({ real, imaginary }: Eigenvalue): number {
  return hypotenuse(real, imaginary);
}

function growthRows(parts: ModelParts, start: Float64Array, review: number, direction: Float64Array): InstrumentRow[] {
  const rows: InstrumentRow[] = [];
  const length = norm(direction);
  let state = start;
  let tangent: Float64Array = direction.map((value) => value / length);
  for (let application = 1; application <= GROWTH_APPLICATIONS; application++) {
    const derivative = new BlockDerivative(parts, state);
    tangent = derivative.forward(tangent);
    const change = norm(derivative.output.map((value, e) => value - state[e])) / norm(state);
    rows.push(metricRow("jacobian", [review, application], "tangent_growth", norm(tangent)));
    rows.push(metricRow("jacobian", [review, application], "state_change", change));
    state = derivative.output;
  }
  return rows;
}
