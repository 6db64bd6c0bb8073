import type { SequenceTrace } from "../../engine/engine.ts";
import type { ModelConfig } from "../../model/config.ts";
import { bits, entropyOf } from "./entropy.ts";
import { type InstrumentRow, metricRow } from "./table.ts";

/** What one head's bins held at one step, over all reviews so far. */
interface Use {
  reviews: number;
  tokens: number;
  /** Tokens whose largest assignment is the bin's [B]. */
  readonly hard: Uint32Array;
  /** Sum of the assignments [B]. */
  readonly mass: Float64Array;
  /** Sum over tokens of the entropy of their assignments. */
  softEntropy: number;
  /** Sum over reviews of the bins that are some token's largest. */
  active: number;
}

/**
 * How the bins are used, for each head and step that ran. Over all tokens of the reviews that reached the step, halted
 * ones included, since they stay in the bins. A bin is a token's hard bin when its assignment is the token's largest:
 *
 * - `hard_entropy_bits`: entropy of how the tokens fall into their hard bins, at most log₂ B;
 * - `active_bins`: bins that are the hard bin of a token of any review, and `active_bins_per_review` in the mean review;
 * - `largest_share`: share of the tokens in the fullest bin;
 * - `soft_entropy_bits`: mean entropy of a token's assignments;
 * - `mass_entropy_bits`: entropy of the bins' summed assignments;
 * - `reviews`, `tokens`: how many were counted.
 */
export class BinUse {
  readonly #config: ModelConfig;
  /** [steps][heads] */
  readonly #uses: Use[][] = [];

  constructor(config: ModelConfig) {
    this.#config = config;
  }

  add({ assignments, haltingSteps: { length: n } }: SequenceTrace): void {
    const { numHeads: H, numBins: B } = this.#config;
    const met = new Uint8Array(B);
    assignments.forEach((a, t) => {
      const uses = this.#uses[t] ??= Array.from({ length: H }, () => emptyUse(B));
      uses.forEach((use, h) => {
        met.fill(0);
        for (let i = 0; i < n; i++) {
          const at = (h * n + i) * B;
          let bin = 0;
          for (let b = 1; b < B; b++) if (a[at + b] > a[at + bin]) bin = b;
          met[bin] = 1;
          use.hard[bin]++;
          for (let b = 0; b < B; b++) use.mass[b] += a[at + b];
          use.softEntropy += entropyOf(a, at, B);
        }
        use.reviews++;
        use.tokens += n;
        use.active += met.reduce((sum, one) => sum + one, 0);
      });
    });
  }

  rows(): InstrumentRow[] {
    return this.#uses.flatMap((uses, t) => uses.flatMap((use, head) => metricsOf(use, head, t + 1)));
  }
}

function emptyUse(bins: number): Use {
  const counts = { reviews: 0, tokens: 0, softEntropy: 0, active: 0 };
  return { ...counts, hard: new Uint32Array(bins), mass: new Float64Array(bins) };
}

function metricsOf({ reviews, tokens, hard, mass, softEntropy, active }: Use, head: number, step: number) {
  // Assignments that are not finite have no largest one.
  const known = Number.isFinite(softEntropy);
  const share = Float64Array.from(hard, (count) => known ? count / tokens : NaN);
  const metrics = {
    hard_entropy_bits: bits(entropyOf(share)),
    active_bins: known ? hard.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) : NaN,
    active_bins_per_review: known ? active / reviews : NaN,
    largest_share: share.reduce((a, b) => Math.max(a, b), 0),
    soft_entropy_bits: bits(softEntropy / tokens),
    mass_entropy_bits: bits(entropyOf(mass.map((value) => value / tokens))),
    reviews,
    tokens,
  };
  return Object.entries(metrics).map(([metric, value]) => metricRow("bins", [head, step], metric, value));
}
