import { encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";

const VOCABULARY_HASH = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3";

/** A model over the BERT vocabulary that is small enough for the reference engine. */
export const SMALL_CONFIG: ModelConfig = {
  ...PAPER_CONFIG,
  dModel: 4,
  numHeads: 2,
  numBins: 3,
  ffnDim: 5,
  maxLayers: 4,
  maxSeqLength: 16,
};

/** Writes an untrained checkpoint whose tokens take different numbers of steps. */
export async function writeSmallCheckpoint(
  path: string,
  { config = SMALL_CONFIG, vocabularyHash = VOCABULARY_HASH } = {},
): Promise<void> {
  const weights = initialWeights(config, 1);
  const table = tensorTable(config);
  for (const spec of table.parameters) {
    if (spec.name.startsWith("halting_fcs")) tensorView(weights, spec).forEach((value, i, view) => view[i] = 3 * value);
  }
  await Deno.writeFile(path, await encodeCheckpoint({ config, vocabularyHash, state: { weights }, details: {} }));
}
