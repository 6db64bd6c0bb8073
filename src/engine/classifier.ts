import { packBatch } from "../data/batches.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { exp } from "../model/elementary.ts";
import type { Engine } from "./engine.ts";

/** A token of a text and the block applications that it took. */
export interface TokenDepth {
  readonly token: string;
  readonly steps: number;
}

/** What the model makes of one text. */
export interface Classification {
  /** Class of the largest probability; 0 negative, 1 positive. */
  readonly label: number;
  /** Softmax of the logits [classes]. */
  readonly probabilities: readonly number[];
  /** Block applications of `[CLS]`, from whose state the class is read (spec §1). */
  readonly steps: number;
  /** Every token that the model read, in order; only when asked. */
  readonly tokens?: readonly TokenDepth[];
}

export interface ClassifierParts {
  /** Holds the weights; the caller closes it. */
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
}

/** Labels texts with a trained model. */
export class Classifier {
  readonly #parts: ClassifierParts;

  /** Throws DataError when the tokenizer's vocabulary is not as large as the model's. */
  constructor(parts: ClassifierParts) {
    const { config, tokenizer } = parts;
    if (tokenizer.vocabularySize !== config.vocabSize) {
      throw new DataError(
        `Cannot classify: the vocabulary has ${tokenizer.vocabularySize} entries, the model ${config.vocabSize}`,
        "Give the vocabulary file with which the model was trained.",
      );
    }
    this.#parts = parts;
  }

  /**
   * Labels `texts` as one batch; results stand in their order and do not depend on each other. With `explain` every
   * token runs to its own end; without, a text may end once its `[CLS]` has halted.
   * Throws RunError when the engine dies.
   */
  async classify(texts: readonly string[], { explain = false } = {}): Promise<Classification[]> {
    if (texts.length === 0) return [];
    const { engine, config, tokenizer } = this.#parts;
    const batch = packBatch(pack(texts.map((text) => tokenizer.encode(text))), allOf(texts), config.maxSeqLength);
    const { logits, haltingSteps } = await engine.predict(batch, {
      want: explain ? "everything" : "logits",
      klScale: 1,
    });
    return texts.map((_, s) => {
      const [start, end] = [batch.offsets[s], batch.offsets[s + 1]];
      const probabilities = softmax(Array.from(logits.subarray(s * config.numClasses, (s + 1) * config.numClasses)));
      const result = {
        label: probabilities.indexOf(Math.max(...probabilities)),
        probabilities,
        steps: haltingSteps[start],
      };
      if (!explain) return result;
      const strings = tokenizer.tokenStrings(batch.tokens.subarray(start, end));
      return { ...result, tokens: strings.map((token, i) => ({ token, steps: haltingSteps[start + i] })) };
    });
  }
}

/** The name of a class: `negative` and `positive` where there are two, else its number. */
export function className(label: number, classes: number): string {
  return classes === 2 ? ["negative", "positive"][label] : String(label);
}

function allOf(texts: readonly string[]): Uint32Array {
  return Uint32Array.from(texts, (_, index) => index);
}

function pack(sequences: readonly Int32Array[]) {
  const offsets = new Uint32Array(sequences.length + 1);
  sequences.forEach(({ length }, s) => offsets[s + 1] = offsets[s] + length);
  const tokens = new Int32Array(offsets[sequences.length]);
  sequences.forEach((ids, s) => tokens.set(ids, offsets[s]));
  return { tokens, offsets, labels: new Uint8Array(sequences.length) };
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
