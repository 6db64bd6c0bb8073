import type { PackedBatch } from "../data/packed_batch.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";

/** Throws DataError unless every sequence has a token, every id is in the vocabulary and every label is a class. */
export function checkBatch(config: ModelConfig, { tokens, offsets, labels }: PackedBatch): void {
  const sequences = labels.length;
  if (sequences === 0 || offsets.length !== sequences + 1 || offsets[0] !== 0 || offsets[sequences] !== tokens.length) {
    throw new DataError(
      `Cannot run the batch: ${sequences} labels, ${offsets.length} offsets and ${tokens.length} tokens do not fit`,
      "Give one label a sequence, and offsets from 0 to the number of tokens.",
    );
  }
  for (let s = 0; s < sequences; s++) {
    if (offsets[s + 1] <= offsets[s]) {
      throw new DataError(
        `Cannot run the batch: sequence ${s} has no tokens`,
        "Give every sequence at least one token.",
      );
    }
    if (labels[s] >= config.numClasses) {
      throw new DataError(
        `Cannot run the batch: sequence ${s} has label ${labels[s]}, the model ${config.numClasses} classes`,
        `Use labels from 0 to ${config.numClasses - 1}.`,
      );
    }
  }
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] < 0 || tokens[i] >= config.vocabSize) {
      throw new DataError(
        `Cannot run the batch: token ${i} is ${tokens[i]}, the vocabulary has ${config.vocabSize} entries`,
        "Use the vocabulary that the model was made for.",
      );
    }
  }
}
