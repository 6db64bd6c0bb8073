import type { ModelConfig } from "../model/config.ts";
import type { SequenceTrace } from "./engine.ts";

/** Reads one sequence's numbers out of what an engine kept; `begin` is called before those of a step are read. */
export interface StepReader {
  /** h⁰ of token i, to out[at … at + d). */
  start(token: number, out: Float32Array, at: number): void;
  begin(step: number): void;
  /** h after the step, of a token that it updated, to out[at … at + d). */
  state(token: number, out: Float32Array, at: number): void;
  /** a of one head, of a token that this step's bins took in, to out[at … at + B). */
  assignment(head: number, token: number, out: Float32Array, at: number): void;
  /** w of one head, of a token that the step updated, to out[at … at + B). */
  attention(head: number, token: number, out: Float32Array, at: number): void;
}

/**
 * All steps of one sequence of tokens that took `haltingSteps` [n]. Engines save what a step computes; what it leaves
 * is carried on here: a halted token's state, its assignment once the bins have taken in its last state, and the
 * assignments between two renewals.
 */
export function collectSteps(
  { dModel: d, numHeads: H, numBins: B, binUpdateFrequency, halting }: ModelConfig,
  haltingSteps: Uint8Array,
  reader: StepReader,
): Pick<SequenceTrace, "states" | "assignments" | "attention"> {
  const n = haltingSteps.length;
  const ran = haltingSteps.reduce((most, steps) => Math.max(most, steps), 0);
  const start = new Float32Array(n * d);
  for (let i = 0; i < n; i++) reader.start(i, start, i * d);
  const states = [start], assignments: Float32Array[] = [], attention: Float32Array[] = [];
  for (let t = 0; t < ran; t++) {
    reader.begin(t);
    const renewed = t % binUpdateFrequency === 0;
    const state = states[t].slice();
    const weights = new Float32Array(H * n * B);
    const assignment = t === 0
      ? new Float32Array(H * n * B)
      : renewed
      ? assignments[t - 1].slice()
      : assignments[t - 1];
    for (let i = 0; i < n; i++) {
      const updated = halting === "soft" || t < haltingSteps[i];
      const takenIn = renewed && (updated || t < haltingSteps[i] + binUpdateFrequency);
      if (updated) reader.state(i, state, i * d);
      for (let h = 0; h < H; h++) {
        if (updated) reader.attention(h, i, weights, (h * n + i) * B);
        if (takenIn) reader.assignment(h, i, assignment, (h * n + i) * B);
      }
    }
    states.push(state);
    assignments.push(assignment);
    attention.push(weights);
  }
  return { states, assignments, attention };
}
