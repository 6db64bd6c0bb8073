// The WASM module: what the host calls. Arguments that stay the same over a batch stand in the header (header.ts).

import { adamwStep, squaredNorm } from "./adamw/adamw.as";
import { embeddingScatter } from "./embedding/embedding.as";
import * as packing from "./epsilon/packing.as";
import {
  applications, entropySum, probabilities, probabilityStride, recurrenceForward, stepsRun,
} from "./epsilon/recurrence.as";
import { recurrenceBackward } from "./epsilon/recurrence_backward.as";
import * as ws from "./epsilon/workspace.as";
import {
  dModel, dropoutKeys, gradientSlots, haltingSteps, halts, labels, logits, numClasses, offsets, priorLogarithms, results, slotBytes,
  maxLayers, tokenGradients, tokens, vanilla,
} from "./header.as";
import { crossEntropy, headBackward, headForward, klForward } from "./loss/objective.as";
import { noisyTokens, openNoise, power } from "./noise/noise.as";
import { madd } from "./simd/math.as";
import * as stackPacking from "./vanilla/packing.as";
import { stackBackward, stackForward } from "./vanilla/stack.as";
import * as stack from "./vanilla/workspace.as";

export { adamwStep, embeddingScatter, squaredNorm };

/** a·b + c as all kernels compute it, which tells whether this build on this processor rounds once or twice. */
export function multiplyAdd(a: f32, b: f32, c: f32): f32 {
  return f32x4.extract_lane(madd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0);
}

/** What a sequence task is to compute. */
const LOGITS: i32 = 0;
const EVERYTHING: i32 = 1;
const GRADIENT: i32 = 2;
const RECORD: i32 = 3;
const RESULT_BYTES: usize = 64;

/** Packs all weights; `iterating` first takes a power iteration, where the model has one. */
export function packWeights(iterating: bool): void {
  if (vanilla()) stackPacking.packStack();
  else packing.packWeights(iterating);
}

/** Adds the slots of all sequences and writes all gradients but the embedding's. */
export function unpackGradients(slots: i32, slotSize: usize): void {
  if (vanilla()) {
    stackPacking.unpackStackGradients(slots, slotSize);
  } else {
    packing.unpackGradients(slots, slotSize);
  }
}

/** Bytes that a thread needs for a sequence of n tokens; `saving` for what the backward pass or a record wants. */
export function workspaceBytes(n: i32, saving: bool): f64 {
  return vanilla() ? stack.stackBytes(n, saving) : ws.workspaceBytes(n, saving);
}

/** One sequence of the batch, start to end, in the thread's own `workspace`. */
export function sequenceTask(sequence: i32, workspace: usize, want: i32): void {
  if (vanilla()) stackTask(sequence, workspace, want);
  else recurrenceTask(sequence, workspace, want);
}

function stackTask(sequence: i32, workspace: usize, want: i32): void {
  const index = <usize>sequence << 2;
  const first = load<u32>(offsets() + index), n = <i32>(load<u32>(offsets() + index + 4) - first);
  stack.openStack(workspace, n, want >= GRADIENT, want == GRADIENT);
  openNoise();
  stackForward(tokens() + (<usize>first << 2), n, dropoutKeys() + (<usize>sequence << 3));
  const output = logits() + <usize>(sequence * numClasses()) * 4;
  headForward(output, stack.pooled);
  const result = results() + <usize>sequence * RESULT_BYTES;
  const steps = <f64>(n * maxLayers());
  memory.fill(haltingSteps() + first, <u8>maxLayers(), n);
  memory.fill(result, 0, RESULT_BYTES);
  store<f64>(result, steps, 32);
  store<f64>(result, steps, 40);
  storeNoise(result);
  if (want == LOGITS || want == RECORD) return;
  const label = <i32>load<u8>(labels() + <usize>sequence);
  store<f64>(result, crossEntropy(output, label));
  store<f64>(result, largest(output) == label ? 1 : 0, 24);
  if (want != GRADIENT) return;
  const slot = gradientSlots() + <usize>sequence * slotBytes();
  memory.fill(slot, 0, slotBytes());
  headBackward(slot, stack.dPooled, output, stack.pooled, label);
  stackBackward(slot, tokenGradients() + <usize>(first * dModel()) * 4);
}

function recurrenceTask(sequence: i32, workspace: usize, want: i32): void {
  const index = <usize>sequence << 2;
  const first = load<u32>(offsets() + index), n = <i32>(load<u32>(offsets() + index + 4) - first);
  const saving = want >= GRADIENT;
  ws.openWorkspace(workspace);
  openNoise();
  const steps = haltingSteps() + first;
  memory.fill(steps, 0, n);
  recurrenceForward(
    tokens() + (<usize>first << 2), n, dropoutKeys() + (<usize>sequence << 3), steps, saving, want == LOGITS,
    want != LOGITS,
  );
  const output = logits() + <usize>(sequence * numClasses()) * 4;
  headForward(output, ws.readout);
  const result = results() + <usize>sequence * RESULT_BYTES;
  let counted: f64 = 0;
  for (let i = 0; i < n; i++) counted += <f64>load<u8>(steps + <usize>i);
  store<f64>(result, 0, 24);
  store<f64>(result, counted, 32);
  store<f64>(result, <f64>applications, 40);
  storeNoise(result);
  if (want == LOGITS || want == RECORD) return;
  const label = <i32>load<u8>(labels() + <usize>sequence);
  store<f64>(result, crossEntropy(output, label));
  const divergence = halts() ? klForward(probabilities, n, probabilityStride, stepsRun, priorLogarithms()) : 0;
  store<f64>(result, divergence, 8);
  store<f64>(result, entropySum, 16);
  store<f64>(result, largest(output) == label ? 1 : 0, 24);
  if (want != GRADIENT) return;
  const slot = gradientSlots() + <usize>sequence * slotBytes();
  memory.fill(slot, 0, slotBytes());
  headBackward(slot, ws.dReadout, output, ws.readout, label);
  recurrenceBackward(slot, tokenGradients() + <usize>(first * dModel()) * 4, <i32>load<u8>(steps));
}

// @ts-ignore: decorator
@inline
function storeNoise(result: usize): void {
  store<f64>(result, power, 48);
  store<f64>(result, <f64>noisyTokens, 56);
}

/** The first class with the largest logit. */
function largest(output: usize): i32 {
  let best = 0;
  for (let c = 1; c < numClasses(); c++) {
    if (load<f32>(output + (<usize>c << 2)) > load<f32>(output + (<usize>best << 2))) best = c;
  }
  return best;
}

/**
 * A field of the record of a step that ran, after a task that wanted RECORD; of the vanilla model's, block `step`'s.
 */
export function recordField(step: i32, index: i32): usize {
  return vanilla() ? stack.field(step, index) : ws.field(step, index);
}

/** Address and row length in bytes of the probabilities [stepLimit][n8] of the last sequence. */
export function probabilityRows(): usize {
  return probabilities;
}

export function probabilityRowBytes(): usize {
  return probabilityStride;
}
