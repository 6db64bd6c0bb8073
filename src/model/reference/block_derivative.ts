import { DropoutMask } from "../dropout.ts";
import { tensorTable } from "../tensors.ts";
import { type BinsTangent, formBinsTangent } from "./bins_tangent.ts";
import { BlockScratch, type BlockStep, blockStep, blockStepBackward } from "./block.ts";
import { centerNormTangentRow } from "./center_norm.ts";
import { geluSlope } from "./gelu.ts";
import { linearRow, linearTangentRow } from "./linear.ts";
import { type GradientParts, gradientParts, type ModelParts } from "./parts.ts";
import { softmaxRowBackward } from "./softmax.ts";

const NO_DROPOUT = new DropoutMask([0, 0], 0);

/**
 * The block as a map of one sequence's state, h [n × d] → h⁺ [n × d], and its derivative at a state: every token is
 * updated, halted or not, the bins are renewed, nothing is dropped (spec §1). Products with the Jacobian J
 * [n·d × n·d] are exact: forward mode for J v, the reference's backward pass for Jᵀ u.
 */
export class BlockDerivative {
  /** h⁺ [n × d] */
  readonly output: Float64Array;
  readonly #parts: ModelParts;
  readonly #step: BlockStep;
  readonly #scratch: BlockScratch;
  /** GELU′ at the FFN's hidden layer [n × ffnDim]. */
  readonly #slopes: Float64Array;
  /** Where the backward pass leaves the parameters' gradients, which nobody reads; the block has no embedding. */
  #unread: GradientParts | undefined;

  constructor(parts: ModelParts, state: Float64Array) {
    const { dModel: d, ffnDim: F } = parts.config;
    const n = state.length / d;
    this.#parts = parts;
    this.#scratch = new BlockScratch(parts);
    this.#step = blockStep(parts, state, new Uint8Array(n).fill(1), 0, undefined, NO_DROPOUT, this.#scratch);
    this.output = this.#step.output;
    this.#slopes = new Float64Array(n * F);
    for (let i = 0; i < n; i++) linearRow(parts.spectral1.layer, this.#step.y, i * d, this.#slopes, i * F);
    for (let e = 0; e < this.#slopes.length; e++) this.#slopes[e] = geluSlope(this.#slopes[e]);
  }

  /** J v for a tangent v [n × d]. */
  forward(v: Float64Array): Float64Array {
    const { tensors, spectral1, spectral2, config: { dModel: d, ffnDim: F, alphaRes } } = this.#parts;
    const n = v.length / d;
    const dx = new Float64Array(n * d);
    for (let i = 0; i < n; i++) centerNormTangentRow(tensors.norm1, v, dx, i * d);
    const dBins = formBinsTangent(this.#parts, this.#step.bins, dx);
    const result = v.slice();
    const branch = new Float64Array(d), dHidden = new Float64Array(F), dy = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      this.#lookup(i, dx, dBins, branch);
      for (let j = 0; j < d; j++) result[i * d + j] += alphaRes * branch[j];
      centerNormTangentRow(tensors.norm2, result, dy, i * d);
      linearTangentRow(spectral1.layer, dy, i * d, dHidden, 0);
      for (let f = 0; f < F; f++) dHidden[f] *= this.#slopes[i * F + f];
      linearTangentRow(spectral2.layer, dHidden, 0, branch, 0);
      for (let j = 0; j < d; j++) result[i * d + j] += alphaRes * branch[j];
    }
    return result;
  }

  /** Jᵀ u for a cotangent u [n × d]. */
  backward(u: Float64Array): Float64Array {
    const { bins } = this.#step;
    const dBins = {
      assignment: new Float64Array(bins.assignment.length),
      binKeys: new Float64Array(bins.binKeys.length),
      binValues: new Float64Array(bins.binValues.length),
    };
    const result = u.slice();
    const block = { ...this.#parts.config, vocabSize: 1 };
    this.#unread ??= gradientParts(block, new Float64Array(tensorTable(block).parameterCount));
    blockStepBackward(this.#parts, this.#unread, this.#step, NO_DROPOUT, result, dBins, this.#scratch);
    return result;
  }

  /** Forward derivative of HQSA's answer to token i: `out` [d]. */
  #lookup(i: number, dx: Float64Array, dBins: BinsTangent, out: Float64Array): void {
    const { tensors, config: { dModel: d, numHeads: H, numBins: B } } = this.#parts;
    const { bins: { binKeys, binValues }, lookup: { queries, attention } } = this.#step;
    const dh = d / H, n = dx.length / d;
    const dQuery = new Float64Array(d), dMixed = new Float64Array(d), dWeights = new Float64Array(B);
    linearTangentRow(tensors.query, dx, i * d, dQuery, 0);
    for (let h = 0; h < H; h++) {
      const query = i * d + h * dh, w = (h * n + i) * B;
      for (let b = 0; b < B; b++) {
        const bin = (h * B + b) * dh;
        dWeights[b] = 0;
        for (let j = 0; j < dh; j++) {
          dWeights[b] += dQuery[h * dh + j] * binKeys[bin + j] + queries[query + j] * dBins.binKeys[bin + j];
        }
        dWeights[b] /= Math.sqrt(dh);
      }
      softmaxRowBackward(attention, w, dWeights, B);
      for (let b = 0; b < B; b++) {
        const bin = (h * B + b) * dh;
        for (let j = 0; j < dh; j++) {
          dMixed[h * dh + j] += dWeights[b] * binValues[bin + j] + attention[w + b] * dBins.binValues[bin + j];
        }
      }
    }
    linearTangentRow(tensors.output, dMixed, 0, out, 0);
  }
}
