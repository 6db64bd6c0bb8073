import type { PackedBatch } from "../data/packed_batch.ts";
import type { Engine, ObjectiveSettings, StepAid, StepResult, StepSettings, TrainingStep } from "../engine/engine.ts";
import type { NoiseSettings } from "../model/noise.ts";
import { AdaptiveResonance, type Suppression, type SuppressionSummary } from "./adaptive_resonance.ts";
import {
  type Aids,
  hasResonance,
  type ResonanceAid,
  resonanceSettings,
  retentionSettings,
  suppressionSettings,
} from "./aids.ts";
import { type KeptSlabs, Retention } from "./retention.ts";
import type { Guard } from "./resonance_guard.ts";
import { type ResonanceSummary, StochasticResonance } from "./stochastic_resonance.ts";

/** What stochastic resonance remembers. */
export interface ResonanceState extends ResonanceSummary {
  /** Losses of the window under way: their sum and number. */
  readonly lossSum: number;
  readonly losses: number;
}

/** What a run's aids remember; an aid that is off has no part. */
export interface AidState {
  readonly resonance?: ResonanceState;
  readonly suppression?: SuppressionSummary;
}

/** What an aid did in a step, by the names of `metrics.csv`. */
export type AidMetrics = Readonly<Record<string, number>>;

/** The aids of a training run, told of each step and asked before it. */
export class TrainingAids {
  readonly #noise: ResonanceNoise | undefined;
  readonly #damping: Damping | undefined;
  readonly #retention: Retention | undefined;

  /** `seed` is the run's; `resumed` and `kept` what `state` and `kept` told. */
  constructor(aids: Aids, seed: number, resumed: AidState = {}, kept: KeptSlabs = {}) {
    this.#noise = hasResonance(aids) ? new ResonanceNoise(aids, resumed.resonance) : undefined;
    const settings = suppressionSettings(aids);
    if (settings !== undefined) {
      const machine = new AdaptiveResonance(settings, seed, resumed.suppression);
      this.#damping = new Damping(machine, settings.guard);
    }
    const retention = retentionSettings(aids);
    if (retention !== undefined) this.#retention = new Retention(retention, kept);
  }

  /** Whether a step's settings depend on what the step before it gave. */
  get stepByStep(): boolean {
    return this.#noise !== undefined || this.#damping !== undefined || this.#retention !== undefined;
  }

  /** What the next step's settings say of noise on the states. */
  settings(): Pick<StepSettings, "noise"> {
    return this.#noise === undefined ? {} : { noise: this.#noise.settings() };
  }

  /** How the aids reach into optimizer step `step`, counted from 0, whose schedule gives `settings`. */
  aid(step: number, settings: StepSettings): Pick<TrainingStep, "aid"> {
    const retention = this.#retention;
    const aid: StepAid = {
      ...this.#damping && { adjust: this.#damping.adjust(step, settings) },
      ...retention && {
        penalize: (parameters, gradient) => retention.penalize(parameters, gradient),
        updated: (parameters) => retention.updated(parameters),
      },
    };
    return Object.keys(aid).length === 0 ? {} : { aid };
  }

  /** Does what is due before optimizer step `step`; `batchAt` gives the batch of an earlier one. */
  async prepare(
    engine: Engine,
    step: number,
    batchAt: (step: number) => PackedBatch,
    settings: ObjectiveSettings,
  ): Promise<void> {
    if (!this.#retention?.isDue(step)) return;
    const count = Math.min(step, this.#retention.settings.batches);
    const batches = Array.from({ length: count }, (_, k) => batchAt(step - count + k));
    await this.#retention.setAnchor(engine, batches, settings);
  }

  /** What a checkpoint keeps beside the weights. */
  kept(): { readonly kept?: KeptSlabs } {
    return this.#retention === undefined ? {} : { kept: this.#retention.slabs() };
  }

  /** Takes the result of the step that was asked for last; returns what the aids did in it. */
  accept(result: StepResult): AidMetrics {
    return {
      ...this.#noise?.accept(result),
      ...this.#damping?.metrics(),
      ...this.#retention && { retain_loss: this.#retention.loss },
    };
  }

  /** Takes an epoch's validation accuracy. */
  validated(accuracy: number): void {
    this.#noise?.validated(accuracy);
  }

  /** Undefined where there is nothing to remember but slabs. */
  state(): AidState | undefined {
    if (this.#noise === undefined && this.#damping === undefined) return undefined;
    const resonance = this.#noise?.state();
    const suppression = this.#damping?.machine.summary();
    return { ...resonance && { resonance }, ...suppression && { suppression } };
  }
}

/** Stochastic resonance on the states of training steps. */
class ResonanceNoise {
  readonly #aid: ResonanceAid;
  readonly #machine: StochasticResonance;
  #lossSum: number;
  #losses: number;

  constructor(aid: Aids & ResonanceAid, resumed: ResonanceState | undefined) {
    this.#aid = aid;
    this.#machine = new StochasticResonance(resonanceSettings(aid), resumed);
    this.#lossSum = resumed?.lossSum ?? 0;
    this.#losses = resumed?.losses ?? 0;
  }

  settings(): NoiseSettings {
    return { site: this.#aid.sr, gain: this.#machine.summary().gain };
  }

  accept({ loss, noiseLevel }: StepResult): AidMetrics {
    const metrics = { sr_gain: this.#machine.summary().gain, sr_noise: noiseLevel };
    if (this.#aid.srMetric === "loss") {
      this.#lossSum += loss;
      this.#losses++;
      if (this.#losses === this.#aid.srWindow) {
        this.#machine.step(-this.#lossSum / this.#losses);
        this.#lossSum = 0;
        this.#losses = 0;
      }
    }
    return metrics;
  }

  validated(accuracy: number): void {
    if (this.#aid.srMetric === "accuracy") this.#machine.step(accuracy);
  }

  state(): ResonanceState {
    return { ...this.#machine.summary(), lossSum: this.#lossSum, losses: this.#losses };
  }
}

/** Adaptive resonance suppression around the optimizer's steps. */
class Damping {
  #done: { readonly learningRate: number; readonly beta1: number; readonly suppression: Suppression } | undefined;

  constructor(readonly machine: AdaptiveResonance, readonly guard: Guard) {}

  adjust(step: number, settings: StepSettings): NonNullable<StepAid["adjust"]> {
    return ({ loss }) => {
      const suppression = this.machine.step(loss, step);
      const { betaFactor, learningRateFactor, gradientNoise, gradientFactor } = suppression;
      const learningRate = settings.learningRate * learningRateFactor;
      const beta1 = settings.beta1 * betaFactor;
      this.#done = { learningRate, beta1, suppression };
      return { learningRate, beta1, beta2: settings.beta2 * betaFactor, gradientNoise, gradientFactor };
    };
  }

  /** Of the step that was adjusted last. What the guard saw is NaN, an empty field, until its window is full. */
  metrics(): AidMetrics {
    if (this.#done === undefined) return {};
    const { learningRate, beta1, suppression: { surprise, seen = NaN, psi, phi, chi } } = this.#done;
    return {
      ars_surprise: surprise,
      [this.guard === "lag1" ? "ars_rho1" : "ars_entropy"]: seen,
      ars_psi: psi,
      ars_phi: phi,
      ars_chi: chi,
      effective_learning_rate: learningRate,
      effective_beta1: beta1,
    };
  }
}
