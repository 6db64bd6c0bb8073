import { type DropoutMask, DropoutSite } from "../dropout.ts";
import { cos, pow, sin } from "../elementary.ts";
import type { ModelParts } from "./parts.ts";

/** The row of `[PAD]`, which gets no gradient (spec §2). */
export const PAD = 0;

/** PE(i, 2k) = sin(i·10000^(−2k/d)), PE(i, 2k+1) = cos of the same (spec §1). */
export function positionalEncoding(position: number, feature: number, d: number): number {
  const angle = position * pow(10000, -(feature - feature % 2) / d);
  return feature % 2 === 0 ? sin(angle) : cos(angle);
}

/** h⁰ [n × d] = dropout(√d · embedding[id] + PE). */
export function embed(parts: ModelParts, tokens: Int32Array, mask: DropoutMask): Float64Array {
  const d = parts.config.dModel;
  const { embedding } = parts.tensors;
  const h = new Float64Array(tokens.length * d);
  const kept = new Float64Array(d);
  for (let i = 0; i < tokens.length; i++) {
    mask.fill(kept, d, DropoutSite.embedding, i, 0);
    for (let j = 0; j < d; j++) {
      h[i * d + j] = kept[j] * (Math.sqrt(d) * embedding[tokens[i] * d + j] + positionalEncoding(i, j, d));
    }
  }
  return h;
}

/** Backward of `embed`: adds to the embedding's gradient, except to the row of `[PAD]`. */
export function embedBackward(
  parts: ModelParts,
  gradient: Float64Array,
  tokens: Int32Array,
  mask: DropoutMask,
  dh: Float64Array,
): void {
  const d = parts.config.dModel;
  const kept = new Float64Array(d);
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === PAD) continue;
    mask.fill(kept, d, DropoutSite.embedding, i, 0);
    for (let j = 0; j < d; j++) gradient[tokens[i] * d + j] += Math.sqrt(d) * kept[j] * dh[i * d + j];
  }
}
