import { UsageError } from "../errors.ts";
import { type Range, real, requireInRange, whole } from "../model/range.ts";

/** How the gain of stochastic resonance follows a metric (stability spec §1). */
export interface ResonanceSettings {
  /** The first gain. */
  readonly baseGain: number;
  readonly minGain: number;
  readonly maxGain: number;
  /** An increase of the metric below this counts as stagnation. */
  readonly stagnationThreshold: number;
  /** Factor of the gain after stagnation, at least 1. */
  readonly gainGrowth: number;
  /** Factor of the gain after an improvement, at most 1. */
  readonly gainDecay: number;
  /** Stagnant steps in a row before the gain grows: 1 in the published formula, 2 in the published code. */
  readonly patience: number;
}

/** The defaults of the published code. */
export const PUBLISHED_RESONANCE: ResonanceSettings = {
  baseGain: 0.02,
  minGain: 0.005,
  maxGain: 0.3,
  stagnationThreshold: 1e-3,
  gainGrowth: 1.15,
  gainDecay: 0.96,
  patience: 2,
};

/** Accepted values of each number in a `ResonanceSettings`. */
export const RESONANCE_RANGES: Readonly<Record<keyof ResonanceSettings, Range>> = {
  baseGain: real(0, 1000),
  minGain: real(0, 1000),
  maxGain: real(0, 1000),
  stagnationThreshold: real(-1e9, 1e9),
  gainGrowth: real(1, 1000),
  gainDecay: real(0, 1),
  patience: whole(1, 1_000_000_000),
};

/** Where a machine stands; together with its settings it determines everything that follows. */
export interface ResonanceSummary {
  /** Standard deviation of the noise that is injected now. */
  readonly gain: number;
  /** Null before the first step. */
  readonly lastMetric: number | null;
  /** Stagnant steps in a row. */
  readonly stagnantSteps: number;
}

/** Draws standard normal numbers, as `RandomStream` does. */
export interface NormalSource {
  normal(): number;
}

/** Throws UsageError when a setting is out of range, or the gains are not in order: minimum, base, maximum. */
export function validateResonance(settings: ResonanceSettings): ResonanceSettings {
  for (const key of Object.keys(RESONANCE_RANGES) as (keyof ResonanceSettings)[]) {
    requireInRange(key, settings[key], RESONANCE_RANGES[key]);
  }
  const { minGain, baseGain, maxGain } = settings;
  if (minGain <= baseGain && baseGain <= maxGain) return settings;
  throw new UsageError(
    `Cannot use the gains: minimum ${minGain}, base ${baseGain}, maximum ${maxGain}`,
    "Give a base gain from the minimum to the maximum.",
  );
}

/**
 * Stochastic resonance: noise whose gain grows while a metric, of which higher is better, stagnates, and falls while it
 * rises (stability spec §1). Two machines that were given the same metrics have the same gain.
 */
export class StochasticResonance {
  readonly #settings: ResonanceSettings;
  #summary: ResonanceSummary;

  /** `resumed` is what `summary` told of the machine that is to go on. Throws UsageError as `validateResonance`. */
  constructor(settings: Partial<ResonanceSettings> = {}, resumed?: ResonanceSummary) {
    this.#settings = validateResonance({ ...PUBLISHED_RESONANCE, ...settings });
    this.#summary = resumed ?? { gain: this.#settings.baseGain, lastMetric: null, stagnantSteps: 0 };
  }

  /** Takes the next value of the metric and returns the gain that follows. Throws RangeError unless it is finite. */
  step(metric: number): number {
    if (!Number.isFinite(metric)) throw new RangeError(`metric ${metric}`);
    this.#summary = this.#after(metric);
    return this.#summary.gain;
  }

  /** `values` with noise: each x becomes x + gain · ε, ε standard normal from `rng`; `values` stay as they are. */
  injectNoise(values: ArrayLike<number>, rng: NormalSource): Float64Array {
    const { gain } = this.#summary;
    return Float64Array.from(values, (value) => value + gain * rng.normal());
  }

  summary(): ResonanceSummary {
    return this.#summary;
  }

  #after(metric: number): ResonanceSummary {
    const { stagnationThreshold, patience, gainGrowth, gainDecay, minGain, maxGain } = this.#settings;
    const { gain, lastMetric, stagnantSteps } = this.#summary;
    if (lastMetric === null) return { gain, lastMetric: metric, stagnantSteps };
    if (metric - lastMetric >= stagnationThreshold) {
      return { gain: Math.max(gain * gainDecay, minGain), lastMetric: metric, stagnantSteps: 0 };
    }
    const stagnant = stagnantSteps + 1;
    const grown = stagnant >= patience ? Math.min(gain * gainGrowth, maxGain) : gain;
    return { gain: grown, lastMetric: metric, stagnantSteps: stagnant };
  }
}
