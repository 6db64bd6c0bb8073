import { type DropoutMask, DropoutSite } from "../../dropout.ts";
import { gelu, geluSlope } from "../gelu.ts";
import { linearRow, linearRowBackward } from "../linear.ts";
import { attention, attentionBackward, AttentionScratch, type AttentionShape } from "./attention.ts";
import { layerNormRow, layerNormRowBackward } from "./layer_norm.ts";
import type { VanillaBlock } from "./tensors.ts";

/** One block on one sequence: what the backward pass needs of it. */
export interface BlockForward {
  /** Number of the block, from 0; the recurrence step in the sense of the dropout masks. */
  readonly layer: number;
  /** h [n × d] */
  readonly input: Float64Array;
  /** LN1(h) [n × d] */
  readonly x: Float64Array;
  /** q, k, v of each token side by side [n × 3d]. */
  readonly qkv: Float64Array;
  /** The heads' outputs [n × d]. */
  readonly heads: Float64Array;
  /** h after the attention's branch [n × d]. */
  readonly middle: Float64Array;
  /** LN2(middle) [n × d] */
  readonly y: Float64Array;
  /** [n × d] */
  readonly output: Float64Array;
}

function shapeOf(block: VanillaBlock, h: Float64Array, heads: number): AttentionShape {
  const d = block.output.outputs;
  return { tokens: h.length / d, heads, d };
}

/** h + dropout(MHA(LN1 h)), then + dropout(W₂ · dropout(GELU(W₁ · LN2 + b₁)) + b₂) (spec §4). */
export function blockForward(
  block: VanillaBlock,
  heads: number,
  layer: number,
  input: Float64Array,
  mask: DropoutMask,
): BlockForward {
  const shape = shapeOf(block, input, heads);
  const { tokens: n, d } = shape;
  const x = new Float64Array(n * d);
  const qkv = new Float64Array(n * 3 * d);
  for (let i = 0; i < n; i++) {
    layerNormRow(block.norm1, input, i * d, x);
    linearRow(block.projection, x, i * d, qkv, i * 3 * d);
  }
  const attended = attention(qkv, shape, new AttentionScratch(n));
  const middle = new Float64Array(n * d);
  const y = new Float64Array(n * d);
  const output = new Float64Array(n * d);
  const branch = new Float64Array(d);
  const kept = new Float64Array(d);
  const hidden = new HiddenRow(block.linear1.outputs);
  for (let i = 0; i < n; i++) {
    linearRow(block.output, attended, i * d, branch, 0);
    mask.fill(kept, d, DropoutSite.attentionOutput, i, layer);
    for (let j = 0; j < d; j++) middle[i * d + j] = input[i * d + j] + kept[j] * branch[j];
    layerNormRow(block.norm2, middle, i * d, y);
    hidden.fill(block, y, i, layer, mask);
    linearRow(block.linear2, hidden.after, 0, branch, 0);
    mask.fill(kept, d, DropoutSite.ffnOutput, i, layer);
    for (let j = 0; j < d; j++) output[i * d + j] = middle[i * d + j] + kept[j] * branch[j];
  }
  return { layer, input, x, qkv, heads: attended, middle, y, output };
}

/** The FFN's hidden layer of one token, [ffnDim] each. */
class HiddenRow {
  /** W₁ y + b₁ */
  readonly before: Float64Array;
  /** dropout(GELU(before)) */
  readonly after: Float64Array;
  readonly kept: Float64Array;
  readonly gradient: Float64Array;

  constructor(ffnDim: number) {
    this.before = new Float64Array(ffnDim);
    this.after = new Float64Array(ffnDim);
    this.kept = new Float64Array(ffnDim);
    this.gradient = new Float64Array(ffnDim);
  }

  fill({ linear1 }: VanillaBlock, y: Float64Array, i: number, layer: number, mask: DropoutMask): void {
    linearRow(linear1, y, i * linear1.inputs, this.before, 0);
    mask.fill(this.kept, this.kept.length, DropoutSite.ffnHidden, i, layer);
    for (let f = 0; f < this.after.length; f++) this.after[f] = this.kept[f] * gelu(this.before[f]);
  }
}

/** Backward of `blockForward`: `dh` [n × d] is the gradient of its output and becomes that of its input. */
export function blockBackward(
  block: VanillaBlock,
  gradient: VanillaBlock,
  heads: number,
  { layer, input, x, qkv, heads: attended, middle, y }: BlockForward,
  mask: DropoutMask,
  dh: Float64Array,
): void {
  const shape = shapeOf(block, input, heads);
  const { tokens: n, d } = shape;
  const dy = new Float64Array(n * d);
  const dHeads = new Float64Array(n * d);
  const dx = new Float64Array(n * d);
  const dBranch = new Float64Array(d);
  const kept = new Float64Array(d);
  const hidden = new HiddenRow(block.linear1.outputs);
  for (let i = 0; i < n; i++) {
    mask.fill(kept, d, DropoutSite.ffnOutput, i, layer);
    for (let j = 0; j < d; j++) dBranch[j] = kept[j] * dh[i * d + j];
    hidden.fill(block, y, i, layer, mask);
    hidden.gradient.fill(0);
    linearRowBackward(block.linear2, gradient.linear2, hidden.after, 0, dBranch, 0, hidden.gradient, 0);
    for (let f = 0; f < hidden.before.length; f++) hidden.gradient[f] *= hidden.kept[f] * geluSlope(hidden.before[f]);
    linearRowBackward(block.linear1, gradient.linear1, y, i * d, hidden.gradient, 0, dy, i * d);
    layerNormRowBackward(block.norm2, gradient.norm2, middle, i * d, dy, dh);
    mask.fill(kept, d, DropoutSite.attentionOutput, i, layer);
    for (let j = 0; j < d; j++) dBranch[j] = kept[j] * dh[i * d + j];
    linearRowBackward(block.output, gradient.output, attended, i * d, dBranch, 0, dHeads, i * d);
  }
  const dqkv = attentionBackward(qkv, dHeads, shape, new AttentionScratch(n));
  for (let i = 0; i < n; i++) {
    linearRowBackward(block.projection, gradient.projection, x, i * d, dqkv, i * 3 * d, dx, i * d);
    layerNormRowBackward(block.norm1, gradient.norm1, input, i * d, dx, dh);
  }
}
