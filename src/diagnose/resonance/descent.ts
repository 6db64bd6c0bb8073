import { Purpose, RandomStream } from "../../model/random.ts";
import { PUBLISHED_RESONANCE, type ResonanceSettings, StochasticResonance } from "../../train/stochastic_resonance.ts";
import type { Surface } from "./surfaces.ts";

/** The published benchmark's step size is STEP_PER_GAIN · gain + LEAST_STEP, its noise NOISE_PER_GAIN · gain · N(0, I). */
const STEP_PER_GAIN = 0.05;
const LEAST_STEP = 0.001;
const NOISE_PER_GAIN = 0.01;

/** What is different from the published descent. */
export interface Variant {
  readonly name: "published" | "no-noise" | "fixed-gain" | "noise-100";
  readonly title: string;
  /** Factor of the noise. */
  readonly noise: number;
  /** Whether the gain stays at its base. */
  readonly fixed: boolean;
}

/** The published descent and its controls; a control without noise takes the step sizes of the published descent. */
export const VARIANTS: readonly Variant[] = [
  { name: "published", title: "as published", noise: 1, fixed: false },
  { name: "no-noise", title: "no noise, the same step sizes", noise: 0, fixed: false },
  { name: "fixed-gain", title: "fixed gain", noise: 1, fixed: true },
  { name: "noise-100", title: "gain · ε, 100 times the noise", noise: 100, fixed: false },
];

/** Where a descent stands after `step` steps. */
export interface DescentPoint {
  readonly step: number;
  /** With which the step was made; the base gain before the first. */
  readonly gain: number;
  readonly loss: number;
  /** Root mean square distance from the optimum over the coordinates. */
  readonly distance: number;
}

export interface DescentOptions {
  readonly surface: Surface;
  readonly steps: number;
  readonly dim: number;
  /** Start, optimum and noise follow from it. */
  readonly seed: number;
  readonly settings?: Partial<ResonanceSettings>;
  readonly variant?: Variant;
}

/**
 * Descends a surface as the published benchmark does (stability spec §1): the loss, negative, is the metric of
 * stochastic resonance, whose gain sets the step size and the noise. Yields the start and the point after each step.
 * Start, optimum and noise of a seed are the same for every variant.
 */
export function* descend(options: DescentOptions): Generator<DescentPoint, void, void> {
  const { surface, steps, dim, seed, settings = {}, variant = VARIANTS[0] } = options;
  const stream = (index: number) => new RandomStream(seed, Purpose.resonance, index);
  const optimum = surface.optimum(dim, stream(1));
  const noise = stream(2);
  const gains = variant.fixed ? undefined : publishedGains({ ...options, variant: VARIANTS[0] }, variant);
  const machine = new StochasticResonance(settings);
  let x = surface.start(dim, stream(0));
  let gain = settings.baseGain ?? PUBLISHED_RESONANCE.baseGain;
  yield pointOf(0, gain, x, optimum, surface);
  for (let step = 1; step <= steps; step++) {
    if (!variant.fixed) gain = gains?.next().value ?? machine.step(-meanLoss(x, optimum, surface));
    const size = STEP_PER_GAIN * gain + LEAST_STEP;
    const shake = variant.noise * NOISE_PER_GAIN * gain;
    x = x.map((value, i) => value - size * surface.slope(value, optimum[i]) - shake * noise.normal());
    yield pointOf(step, gain, x, optimum, surface);
  }
}

/** The gains of the published descent of the same seed, for a control that is to take its step sizes. */
function publishedGains(options: DescentOptions, { name }: Variant): Iterator<number, undefined> | undefined {
  if (name === "published") return undefined;
  const points = descend(options);
  points.next();
  return { next: () => nextGain(points) };
}

function nextGain(points: Iterator<DescentPoint>): IteratorResult<number, undefined> {
  const { done, value } = points.next();
  return done ? { done: true, value: undefined } : { done: false, value: value.gain };
}

function pointOf(step: number, gain: number, x: Float64Array, optimum: Float64Array, surface: Surface): DescentPoint {
  const squares = x.reduce((sum, value, i) => sum + (value - optimum[i]) * (value - optimum[i]), 0);
  return { step, gain, loss: meanLoss(x, optimum, surface), distance: Math.sqrt(squares / x.length) };
}

function meanLoss(x: Float64Array, optimum: Float64Array, { loss }: Surface): number {
  return x.reduce((sum, value, i) => sum + loss(value, optimum[i]), 0) / x.length;
}
