import type { PackedBatch } from "../data/packed_batch.ts";
import type { Engine, ObjectiveSettings, ParameterSlab } from "../engine/engine.ts";
import { type Range, real, whole } from "../model/range.ts";

/** How a run holds on to what it had learned at a step (stability spec §2, "Regulariser"). */
export interface RetentionSettings {
  /** λ of ½·λ·Σ Ω ΔW². */
  readonly strength: number;
  /** γ of γ·‖(I − P) ΔW‖². */
  readonly gamma: number;
  /** Optimizer steps before the anchor. */
  readonly at: number;
  /** Batches before the anchor from whose reviews Ω is estimated. */
  readonly batches: number;
  /** k: directions of the safe subspace. */
  readonly directions: number;
}

/** Accepted values of each number in a `RetentionSettings`. */
export const RETENTION_RANGES: Readonly<Record<keyof RetentionSettings, Range>> = {
  strength: real(0, 1e12),
  gamma: real(0, 1e12),
  at: whole(1, 1_000_000_000),
  batches: whole(1, 10_000),
  directions: whole(0, 64),
};

/** Slabs [parameters] that a run keeps beside its weights, by name. */
export type KeptSlabs = Readonly<Record<string, ParameterSlab>>;

/** How far one update turns the directions; about as many updates count as recent as its inverse says. */
const TURN = 0.05;

/** What is left of a direction or an update must be longer than this share of it, else it is rounding. */
const LEAST_SHARE = 1e-6;

const ANCHOR = "anchor", FISHER = "fisher";
const directionName = (i: number) => `direction.${i}`;

function dot(a: ParameterSlab, b: ParameterSlab): number {
  let sum = 0;
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e];
  return sum;
}

/** target ← target + factor · source */
function addScaled(target: ParameterSlab, factor: number, source: ParameterSlab): void {
  for (let e = 0; e < target.length; e++) target[e] += factor * source[e];
}

function emptyLike(slab: ParameterSlab): ParameterSlab {
  return slab instanceof Float32Array ? new Float32Array(slab.length) : new Float64Array(slab.length);
}

/** `slab` at length 1, without its parts along `others`, which have length 1; false where nothing but rounding is left. */
function orthonormalize(slab: ParameterSlab, others: readonly ParameterSlab[]): boolean {
  const before = Math.sqrt(dot(slab, slab));
  for (const other of others) addScaled(slab, -dot(slab, other), other);
  const length = Math.sqrt(dot(slab, slab));
  if (!(length > LEAST_SHARE * before)) return false;
  for (let e = 0; e < slab.length; e++) slab[e] /= length;
  return true;
}

/**
 * The leading directions of recent updates, by Oja's rule: each update turns the directions towards itself, the first k
 * of them span the subspace at the start.
 */
export class SafeSubspace {
  readonly #most: number;
  #directions: readonly ParameterSlab[];

  constructor(most: number, resumed: readonly ParameterSlab[] = []) {
    this.#most = most;
    this.#directions = resumed;
  }

  /** Orthonormal slabs [parameters], k at most. */
  get directions(): readonly ParameterSlab[] {
    return this.#directions;
  }

  /** Takes the latest update [parameters], which is overwritten. */
  learn(update: ParameterSlab): void {
    const length = Math.sqrt(dot(update, update));
    if (!(length > 0) || this.#most === 0) return;
    for (let e = 0; e < update.length; e++) update[e] /= length;
    if (this.#directions.length < this.#most) {
      if (orthonormalize(update, this.#directions)) this.#directions = [...this.#directions, update];
      return;
    }
    const turned: ParameterSlab[] = [];
    for (const direction of this.#directions) {
      addScaled(direction, TURN * dot(direction, update), update);
      if (orthonormalize(direction, turned)) turned.push(direction);
    }
    this.#directions = turned;
  }

  /** `slab` without its part in the subspace. */
  removeFrom(slab: ParameterSlab): void {
    for (const direction of this.#directions) addScaled(slab, -dot(slab, direction), direction);
  }
}

/**
 * The penalty ½·λ·Σ Ω ΔW² + γ·‖(I − P) ΔW‖² on moving away from the weights at a step: Ω the diagonal Fisher information
 * there, P the projection on the leading directions of recent updates.
 */
export class Retention {
  readonly settings: RetentionSettings;
  readonly #safe: SafeSubspace;
  #anchor: ParameterSlab | undefined;
  #fisher: ParameterSlab | undefined;
  #before: ParameterSlab | undefined;
  #loss = 0;

  /** `resumed` is what `slabs` told of the run that goes on. */
  constructor(settings: RetentionSettings, resumed: KeptSlabs = {}) {
    this.settings = settings;
    const directions = Array.from({ length: settings.directions }, (_, i) => resumed[directionName(i)]);
    this.#safe = new SafeSubspace(settings.directions, directions.filter((slab) => slab !== undefined));
    this.#anchor = resumed[ANCHOR];
    this.#fisher = resumed[FISHER];
  }

  /** The penalty at the weights that the latest step started from; 0 before the anchor. */
  get loss(): number {
    return this.#loss;
  }

  /** Whether the anchor is to be set before optimizer step `step`, counted from 0. */
  isDue(step: number): boolean {
    return step === this.settings.at && this.#anchor === undefined;
  }

  /** Keeps the engine's weights and estimates their Fisher information from each review of `batches`, without dropout. */
  async setAnchor(engine: Engine, batches: readonly PackedBatch[], settings: ObjectiveSettings): Promise<void> {
    const anchor = (await engine.download()).weights.parameters;
    this.#fisher = this.settings.strength > 0 ? await fisherInformation(engine, batches, settings) : emptyLike(anchor);
    this.#anchor = anchor;
  }

  /** Adds the penalty's gradient to that of the objective. */
  penalize(parameters: ParameterSlab, gradient: ParameterSlab): void {
    if (this.#watching) this.#before = parameters.slice();
    if (this.#anchor === undefined || this.#fisher === undefined) return;
    const { strength, gamma } = this.settings;
    const moved = parameters.slice();
    addScaled(moved, -1, this.#anchor);
    let stretched = 0;
    for (let e = 0; e < moved.length; e++) {
      const slope = strength * this.#fisher[e] * moved[e];
      gradient[e] += slope;
      stretched += 0.5 * slope * moved[e];
    }
    this.#loss = stretched;
    if (gamma === 0) return;
    this.#safe.removeFrom(moved);
    addScaled(gradient, 2 * gamma, moved);
    this.#loss += gamma * dot(moved, moved);
  }

  /** Learns from the step's update. */
  updated(parameters: ParameterSlab): void {
    if (this.#before === undefined) return;
    const update = parameters.slice();
    addScaled(update, -1, this.#before);
    this.#before = undefined;
    this.#safe.learn(update);
  }

  /** What a checkpoint keeps. */
  slabs(): KeptSlabs {
    return {
      ...this.#anchor && { [ANCHOR]: this.#anchor },
      ...this.#fisher && { [FISHER]: this.#fisher },
      // Copies: the next step turns the directions.
      ...Object.fromEntries(this.#safe.directions.map((slab, i) => [directionName(i), slab.slice()])),
    };
  }

  get #watching(): boolean {
    return this.settings.gamma > 0 && this.settings.directions > 0;
  }
}

/** Ω [parameters]: the mean over reviews of the squared gradient of the objective at their own labels. */
export async function fisherInformation(
  engine: Engine,
  batches: readonly PackedBatch[],
  settings: ObjectiveSettings,
): Promise<ParameterSlab> {
  let fisher: ParameterSlab | undefined;
  let reviews = 0;
  for (const { tokens, offsets, labels } of batches) {
    for (let s = 0; s < labels.length; s++) {
      const one: PackedBatch = {
        tokens: tokens.slice(offsets[s], offsets[s + 1]),
        offsets: Uint32Array.of(0, offsets[s + 1] - offsets[s]),
        labels: labels.slice(s, s + 1),
      };
      const { gradient } = await engine.gradient(one, { klScale: settings.klScale, dropout: 0, seed: settings.seed });
      fisher ??= emptyLike(gradient);
      for (let e = 0; e < gradient.length; e++) fisher[e] += gradient[e] * gradient[e];
      reviews++;
    }
  }
  if (fisher === undefined) throw new RangeError("no reviews to estimate the Fisher information from");
  for (let e = 0; e < fisher.length; e++) fisher[e] /= reviews;
  return fisher;
}
