import type { DropoutMask } from "../dropout.ts";
import { embed, embedBackward } from "./embedding.ts";
import { linearRow, linearRowBackward } from "./linear.ts";
import {
  crossEntropy,
  haltingDivergence,
  haltingDivergenceBackward,
  negativeEntropy,
  negativeEntropyBackward,
} from "./objective.ts";
import type { GradientParts, ModelParts } from "./parts.ts";
import { type Recurrence, recurrenceBackward, type RecurrenceOptions, runRecurrence } from "./recurrence.ts";

/** The model's forward pass on one sequence. */
export interface SequenceForward {
  readonly recurrence: Recurrence;
  /** [classes] */
  readonly logits: Float64Array;
}

/** Embedding, recurrence and head on one sequence of token ids [n] (spec §1). */
export function forwardSequence(
  parts: ModelParts,
  tokens: Int32Array,
  mask: DropoutMask,
  options: RecurrenceOptions,
): SequenceForward {
  const recurrence = runRecurrence(parts, embed(parts, tokens, mask), mask, options);
  const logits = new Float64Array(parts.config.numClasses);
  linearRow(parts.tensors.head, recurrence.pooled, 0, logits, 0);
  return { recurrence, logits };
}

/** The parts of the objective for one sequence: CE, and sums over its tokens (and heads) of KL and a log a. */
export interface ObjectiveTerms {
  readonly task: number;
  readonly divergence: number;
  readonly negativeEntropy: number;
}

/** The objective's terms of one sequence with every step run (spec §2). */
export function sequenceObjective(
  { recurrence, logits }: SequenceForward,
  label: number,
  logQ: Float64Array,
): ObjectiveTerms {
  return {
    task: crossEntropy(logits, label, new Float64Array(logits.length)),
    divergence: haltingDivergence(recurrence.halting, logQ),
    negativeEntropy: negativeEntropy(recurrence.steps[0].bins.assignment),
  };
}

/** Backward of `forwardSequence`: adds the gradient of Σ factor · term, `factors` being those of `ObjectiveTerms`. */
export function backwardSequence(
  parts: ModelParts,
  gradient: GradientParts,
  tokens: Int32Array,
  { recurrence, logits }: SequenceForward,
  label: number,
  logQ: Float64Array,
  factors: ObjectiveTerms,
  mask: DropoutMask,
): void {
  const dLogits = new Float64Array(logits.length);
  crossEntropy(logits, label, dLogits);
  for (let c = 0; c < dLogits.length; c++) dLogits[c] *= factors.task;
  const dPooled = new Float64Array(recurrence.pooled.length);
  linearRowBackward(parts.tensors.head, gradient.tensors.head, recurrence.pooled, 0, dLogits, 0, dPooled, 0);
  const dHalting = haltingDivergenceBackward(recurrence.halting, logQ, factors.divergence);
  const dAssignment0 = negativeEntropyBackward(recurrence.steps[0].bins.assignment, factors.negativeEntropy);
  const dh0 = recurrenceBackward(parts, gradient, recurrence, mask, dPooled, dHalting, dAssignment0);
  embedBackward(parts, gradient.tensors.embedding, tokens, mask, dh0);
}
