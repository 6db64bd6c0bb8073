import { softmaxRow, softmaxRowBackward } from "../softmax.ts";

/** Sizes of one sequence's attention. */
export interface AttentionShape {
  readonly tokens: number;
  readonly heads: number;
  readonly d: number;
}

/** Working rows, [tokens] each: nothing is ever [tokens × tokens]. */
export class AttentionScratch {
  readonly weights: Float64Array;
  readonly slopes: Float64Array;

  constructor(tokens: number) {
    this.weights = new Float64Array(tokens);
    this.slopes = new Float64Array(tokens);
  }
}

/** softmax_j(q_i · k_j / √dh) of token i and one head into `weights`; `qkv` is [n × 3d], q, k and v side by side. */
function fillWeights(
  qkv: Float64Array,
  { tokens, heads, d }: AttentionShape,
  head: number,
  i: number,
  weights: Float64Array,
): void {
  const dh = d / heads;
  const query = i * 3 * d + head * dh;
  for (let j = 0; j < tokens; j++) {
    const key = j * 3 * d + d + head * dh;
    let score = 0;
    for (let r = 0; r < dh; r++) score += qkv[query + r] * qkv[key + r];
    weights[j] = score / Math.sqrt(dh);
  }
  softmaxRow(weights, 0, tokens);
}

/** Full softmax attention (spec §4): out [n × d] = concat_heads(Σ_j softmax_j(q_i · k_j / √dh) v_j). */
export function attention(qkv: Float64Array, shape: AttentionShape, scratch: AttentionScratch): Float64Array {
  const { tokens, heads, d } = shape;
  const dh = d / heads;
  const out = new Float64Array(tokens * d);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < tokens; i++) {
      fillWeights(qkv, shape, head, i, scratch.weights);
      const at = i * d + head * dh;
      for (let j = 0; j < tokens; j++) {
        const value = j * 3 * d + 2 * d + head * dh;
        for (let r = 0; r < dh; r++) out[at + r] += scratch.weights[j] * qkv[value + r];
      }
    }
  }
  return out;
}

/** Backward of `attention`: dqkv [n × 3d] from dOut [n × d]; the weights are computed again, a row at a time. */
export function attentionBackward(
  qkv: Float64Array,
  dOut: Float64Array,
  shape: AttentionShape,
  { weights, slopes }: AttentionScratch,
): Float64Array {
  const { tokens, heads, d } = shape;
  const dh = d / heads;
  const dqkv = new Float64Array(qkv.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < tokens; i++) {
      fillWeights(qkv, shape, head, i, weights);
      const at = i * d + head * dh;
      for (let j = 0; j < tokens; j++) {
        const value = j * 3 * d + 2 * d + head * dh;
        slopes[j] = 0;
        for (let r = 0; r < dh; r++) {
          slopes[j] += dOut[at + r] * qkv[value + r];
          dqkv[value + r] += weights[j] * dOut[at + r];
        }
      }
      softmaxRowBackward(weights, 0, slopes, tokens);
      const query = i * 3 * d + head * dh;
      for (let j = 0; j < tokens; j++) {
        const key = j * 3 * d + d + head * dh;
        const slope = slopes[j] / Math.sqrt(dh);
        for (let r = 0; r < dh; r++) {
          dqkv[query + r] += slope * qkv[key + r];
          dqkv[key + r] += slope * qkv[query + r];
        }
      }
    }
  }
  return dqkv;
}
