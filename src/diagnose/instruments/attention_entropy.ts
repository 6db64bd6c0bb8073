import type { SequenceTrace } from "../../engine/engine.ts";
import type { ModelConfig } from "../../model/config.ts";
import { log } from "../../model/elementary.ts";
import { entropyOf } from "./entropy.ts";
import { type InstrumentRow, metricRow } from "./table.ts";

/** A token whose entropy is below this share of ln B looks at one bin, above the other at all of them alike. */
const COLLAPSED = 0.1;
const OVERLOADED = 0.9;

interface Spread {
  tokens: number;
  /** Sum over tokens, nats. */
  entropy: number;
  collapsed: number;
  overloaded: number;
}

/**
 * How widely tokens attend over the bins, for each head and step, over the tokens that the step updates:
 * `entropy_nats` (the mean), `collapsed_share` (entropy below 0.1 ln B), `overloaded_share` (above 0.9 ln B), `tokens`.
 * With a single bin there is nothing to spread over, and the shares are missing.
 */
export class AttentionEntropy {
  readonly #config: ModelConfig;
  /** [steps][heads] */
  readonly #spreads: Spread[][] = [];

  constructor(config: ModelConfig) {
    this.#config = config;
  }

  add({ attention, haltingSteps }: SequenceTrace): void {
    const { numHeads: H, numBins: B, halting } = this.#config;
    const n = haltingSteps.length;
    const widest = log(B);
    attention.forEach((w, t) => {
      const spreads = this.#spreads[t] ??= Array.from(
        { length: H },
        () => ({ tokens: 0, entropy: 0, collapsed: 0, overloaded: 0 }),
      );
      spreads.forEach((spread, h) => {
        for (let i = 0; i < n; i++) {
          if (halting !== "soft" && t >= haltingSteps[i]) continue;
          const entropy = entropyOf(w, (h * n + i) * B, B);
          spread.tokens++;
          spread.entropy += entropy;
          if (entropy < COLLAPSED * widest) spread.collapsed++;
          if (entropy > OVERLOADED * widest) spread.overloaded++;
        }
      });
    });
  }

  rows(): InstrumentRow[] {
    const known = (count: number, { entropy, tokens }: Spread) =>
      this.#config.numBins > 1 && Number.isFinite(entropy) ? count / tokens : NaN;
    return this.#spreads.flatMap((spreads, t) =>
      spreads.flatMap((spread, head) =>
        Object.entries({
          entropy_nats: spread.entropy / spread.tokens,
          collapsed_share: known(spread.collapsed, spread),
          overloaded_share: known(spread.overloaded, spread),
          tokens: spread.tokens,
        }).map(([metric, value]) => metricRow("attention", [head, t + 1], metric, value))
      )
    );
  }
}
