import { UsageError } from "../errors.ts";
import { exp } from "../model/elementary.ts";
import { Purpose, RandomStream } from "../model/random.ts";
import { type Range, real, requireInRange, whole } from "../model/range.ts";
import { autocorrelation, type Guard, lagCorrelation, PATTERN_LENGTH, permutationEntropy } from "./resonance_guard.ts";

/** The published variants of adaptive resonance suppression (stability spec §2). */
export const SUPPRESSION_VARIANTS = ["memo", "paper"] as const;
export type SuppressionVariant = typeof SUPPRESSION_VARIANTS[number];

/** The paper's two sets of parameters. */
export const SUPPRESSION_PRESETS = ["original", "optimized"] as const;
export type SuppressionPreset = typeof SUPPRESSION_PRESETS[number];

/** Ψ, the guard's verdict; Φ, the damping of the step; χ, the jitter. */
export const SUPPRESSION_LAYERS = ["psi", "phi", "chi"] as const;
export type SuppressionLayer = typeof SUPPRESSION_LAYERS[number];

/** The numbers of either variant; `threshold` bears on the paper's alone. */
export interface SuppressionNumbers {
  /** Surprises that the guard looks at. */
  readonly window: number;
  /** How fast Φ falls with the surprise. */
  readonly alpha: number;
  readonly phiMin: number;
  /** memo: largest change of the learning rate, as a share; paper: deviation of the gradient's noise. */
  readonly jitter: number;
  /** Resonance above this lowers Ψ. */
  readonly threshold: number;
}

export interface SuppressionSettings extends SuppressionNumbers {
  readonly variant: SuppressionVariant;
  readonly layers: readonly SuppressionLayer[];
  readonly guard: Guard;
}

/** Accepted values of each number in a `SuppressionNumbers`; the window's least length depends on the guard. */
export const SUPPRESSION_RANGES: Readonly<Record<keyof SuppressionNumbers, Range>> = {
  window: whole(3, 100_000),
  alpha: real(0, 1e6),
  phiMin: real(0, 1),
  jitter: real(0, 1000),
  threshold: real(0, 1),
};

/** Enough for as many patterns as there are. */
const LEAST_PERMUTATION_WINDOW = 24 + PATTERN_LENGTH - 1;

const PERMUTATION_WINDOW = 100;
/** The patterns' entropy falls less than a correlation rises: a period of four has 0.44, noise more than 0.9. */
const PERMUTATION_THRESHOLD = 0.3;

/** The published numbers of a variant (stability spec §2); `guard` changes the window and the threshold. */
export function publishedNumbers(
  variant: SuppressionVariant,
  preset: SuppressionPreset,
  guard: Guard,
): SuppressionNumbers {
  const memo = { window: 100, alpha: 1, phiMin: 0.1, jitter: 0.1, threshold: 0 };
  const paper = preset === "original"
    ? { window: 50, alpha: 2, phiMin: 0.1, jitter: 0.01, threshold: 0.7 }
    : { window: 50, alpha: 1, phiMin: 0.3, jitter: 0.005, threshold: 0.75 };
  const numbers = variant === "memo" ? memo : paper;
  if (guard === "lag1") return numbers;
  return { ...numbers, window: PERMUTATION_WINDOW, threshold: variant === "memo" ? 0 : PERMUTATION_THRESHOLD };
}

/** Throws UsageError when a number is out of range, a layer cannot act, or the guard's window is too short. */
export function validateSuppression(settings: SuppressionSettings): SuppressionSettings {
  for (const key of Object.keys(SUPPRESSION_RANGES) as (keyof SuppressionNumbers)[]) {
    requireInRange(key, settings[key], SUPPRESSION_RANGES[key]);
  }
  const { guard, window, layers } = settings;
  if (guard === "permutation" && window < LEAST_PERMUTATION_WINDOW) {
    throw new UsageError(
      `Cannot judge patterns of ${PATTERN_LENGTH} in a window of ${window} surprises`,
      `Give a window of at least ${LEAST_PERMUTATION_WINDOW}: as many patterns as there are.`,
    );
  }
  if (layers.includes("chi") && !layers.includes("psi")) {
    throw new UsageError(
      "Cannot use layer chi without psi: it acts where Ψ is low",
      "Give psi as well, or leave chi out.",
    );
  }
  return settings;
}

/** What a machine remembers; together with its settings it determines everything that follows. */
export interface SuppressionSummary {
  /** Losses that later surprises refer to, the latest last. */
  readonly losses: readonly number[];
  /** Surprises of the guard's window, the latest last. */
  readonly surprises: readonly number[];
}

/** What the machine makes of one step. */
export interface Suppression {
  /** S_t */
  readonly surprise: number;
  /** What the guard sees: ρ₁, or the patterns' entropy; undefined until its window is full. */
  readonly seen: number | undefined;
  /** Ψ, 1 where the layer is off or the window is not full. */
  readonly psi: number;
  /** Φ, 1 where the layer is off. */
  readonly phi: number;
  /** χ — memo: change of the learning rate, as a share; paper: deviation of the gradient's noise. */
  readonly chi: number;
  /** Factor of β₁ and β₂. */
  readonly betaFactor: number;
  readonly learningRateFactor: number;
  readonly gradientFactor: number;
  readonly gradientNoise: number;
}

/** Losses whose mean the paper's surprise is measured from. */
const RECALLED_LOSSES = 10;
const MEMO_LEAST_PSI = 1e-6;
const PAPER_LEAST_PSI = 0.1;
/** Below this Ψ the paper's χ adds noise to the gradient. */
const NOISY_BELOW = 0.5;

const UNTOUCHED = { betaFactor: 1, learningRateFactor: 1, gradientFactor: 1, gradientNoise: 0 } as const;

/**
 * Adaptive resonance suppression (stability spec §2): from each step's loss, how that step of the optimizer is damped.
 * Where the spec is silent: the guard judges full windows, this step's surprise included; the paper's surprise is
 * measured from the ten losses before, and is 0 at the first; a negative loss surprises as 0 does.
 */
export class AdaptiveResonance {
  readonly #settings: SuppressionSettings;
  readonly #seed: number;
  #summary: SuppressionSummary;

  /** `seed` is the run's, for the memo's χ; `resumed` what `summary` told. Throws UsageError as `validateSuppression`. */
  constructor(settings: SuppressionSettings, seed: number, resumed?: SuppressionSummary) {
    this.#settings = validateSuppression(settings);
    this.#seed = seed;
    this.#summary = resumed ?? { losses: [], surprises: [] };
  }

  /** Takes the loss of optimizer step `step`, counted from 0. Throws RangeError unless it is finite. */
  step(loss: number, step: number): Suppression {
    if (!Number.isFinite(loss)) throw new RangeError(`loss ${loss}`);
    const { variant, window, layers } = this.#settings;
    const surprise = variant === "memo" ? loss : this.#paperSurprise(loss);
    const { losses, surprises } = this.#summary;
    this.#summary = {
      losses: variant === "memo" ? [] : [...losses, loss].slice(-RECALLED_LOSSES),
      surprises: [...surprises, surprise].slice(-window),
    };
    const seen = this.#summary.surprises.length < window ? undefined : this.#look(this.#summary.surprises);
    const psi = layers.includes("psi") && seen !== undefined ? this.#psi(seen) : 1;
    const phi = layers.includes("phi") ? this.#phi(surprise / psi) : 1;
    const chi = layers.includes("chi") ? this.#chi(psi, step) : 0;
    const effect = variant === "memo"
      ? { ...UNTOUCHED, betaFactor: phi, learningRateFactor: 1 + chi }
      : { ...UNTOUCHED, gradientFactor: phi, gradientNoise: chi };
    return { surprise, seen, psi, phi, chi, ...effect };
  }

  summary(): SuppressionSummary {
    return this.#summary;
  }

  #paperSurprise(loss: number): number {
    const { losses } = this.#summary;
    if (losses.length === 0) return 0;
    return Math.abs(loss - losses.reduce((sum, value) => sum + value, 0) / losses.length);
  }

  #look(surprises: readonly number[]): number {
    const { guard, variant } = this.#settings;
    if (guard === "permutation") return permutationEntropy(surprises);
    return variant === "memo" ? lagCorrelation(surprises) : autocorrelation(surprises);
  }

  #psi(seen: number): number {
    const { guard, variant, threshold } = this.#settings;
    if (variant === "memo") return Math.max(MEMO_LEAST_PSI, guard === "lag1" ? 1 - seen * seen : seen);
    const resonance = guard === "lag1" ? Math.abs(seen) : 1 - seen;
    return resonance > threshold ? Math.max(PAPER_LEAST_PSI, 1 - resonance) : 1;
  }

  #phi(surprise: number): number {
    const { variant, alpha, phiMin } = this.#settings;
    const decay = exp(-alpha * Math.max(0, surprise));
    if (variant === "memo") return phiMin + (1 - phiMin) * decay;
    // 1 − tanh x = 2 e^(−2x) / (1 + e^(−2x))
    return Math.max(phiMin, 2 * decay * decay / (1 + decay * decay));
  }

  #chi(psi: number, step: number): number {
    const { variant, jitter } = this.#settings;
    if (variant === "paper") return psi < NOISY_BELOW ? jitter : 0;
    if (psi === 1) return 0;
    const u = jitter * (2 * new RandomStream(this.#seed, Purpose.suppression, step).uniform() - 1);
    return u * (1 - psi);
  }
}
