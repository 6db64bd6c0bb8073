import type { SequenceTrace } from "../../engine/engine.ts";
import { type ModelConfig, stepLimit } from "../../model/config.ts";
import { tensorTable, tensorView, type Weights } from "../../model/tensors.ts";
import { largestIndex, softmax } from "../../train/calibration.ts";
import { meanCrossEntropy } from "./calibration_error.ts";
import { entropyOf } from "./entropy.ts";
import { type InstrumentRow, metricRow } from "./table.ts";

/** Sums over reviews. */
interface Exit {
  reviews: number;
  entropy: number;
  crossEntropy: number;
  hits: number;
  active: number;
}

/**
 * What the classifier would say after each step, if `[CLS]` stopped there: the readout with the remainder given to the
 * state after that step, y_t = Σ_{s ≤ t} p_s h^(s) + r_t h^(t). For each step `classifier_entropy` and `cross_entropy`
 * (nats, means over the reviews), `accuracy`, `active_share` (reviews whose `[CLS]` has not halted before the step) and
 * `reviews`. A review that ended earlier counts on with its last readout, so that the steps compare.
 */
export class Exits {
  readonly #config: ModelConfig;
  readonly #weight: Float32Array | Float64Array;
  readonly #bias: Float32Array | Float64Array;
  readonly #exits: Exit[];

  constructor(config: ModelConfig, weights: Weights) {
    const view = (name: string) => {
      const spec = tensorTable(config).byName.get(name);
      if (spec === undefined) throw new Error(`The tensor table lacks ${name}`);
      return tensorView(weights, spec);
    };
    this.#config = config;
    this.#weight = view("classification_head.weight");
    this.#bias = view("classification_head.bias");
    const none = { reviews: 0, entropy: 0, crossEntropy: 0, hits: 0, active: 0 };
    this.#exits = Array.from({ length: stepLimit(config) }, () => ({ ...none }));
  }

  add({ states, stepProbabilities, haltingSteps }: SequenceTrace, label: number): void {
    const { dModel: d, numClasses } = this.#config;
    const spent = new Float64Array(d);
    const logits = new Float64Array(numClasses);
    let remainder = 1;
    this.#exits.forEach((exit, t) => {
      const h = states[t + 1];
      if (h !== undefined) {
        const p = stepProbabilities[t];
        remainder -= p;
        for (let j = 0; j < d; j++) spent[j] += p * h[j];
        this.#readOut(spent, remainder, h, logits);
      }
      const probabilities = softmax(logits, 0, numClasses, new Float64Array(numClasses));
      exit.reviews++;
      exit.entropy += entropyOf(probabilities);
      exit.crossEntropy += meanCrossEntropy({ logits, labels: [label] }, numClasses);
      exit.hits += largestIndex(logits) === label ? 1 : 0;
      exit.active += t < haltingSteps[0] ? 1 : 0;
    });
  }

  rows(): InstrumentRow[] {
    return this.#exits.flatMap(({ reviews, entropy, crossEntropy, hits, active }, t) => {
      const known = Number.isFinite(crossEntropy) ? reviews : NaN;
      const metrics = {
        classifier_entropy: entropy / reviews,
        cross_entropy: crossEntropy / reviews,
        accuracy: hits / known,
        active_share: active / reviews,
        reviews,
      };
      return Object.entries(metrics).map(([metric, value]) => metricRow("exits", [t + 1], metric, value));
    });
  }

  /** logits = W_c (spent + remainder · h) + b_c of `[CLS]`. */
  #readOut(spent: Float64Array, remainder: number, h: ArrayLike<number>, logits: Float64Array): void {
    const d = spent.length;
    for (let c = 0; c < logits.length; c++) {
      let sum = this.#bias[c];
      for (let j = 0; j < d; j++) sum += this.#weight[c * d + j] * (spent[j] + remainder * h[j]);
      logits[c] = sum;
    }
  }
}
