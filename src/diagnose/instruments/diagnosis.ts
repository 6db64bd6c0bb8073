import { packBatch } from "../../data/batches.ts";
import type { TokenizedDataset } from "../../data/dataset.ts";
import type { PackedBatch } from "../../data/packed_batch.ts";
import type { Engine } from "../../engine/engine.ts";
import { type ModelConfig, stepLimit } from "../../model/config.ts";
import type { Weights } from "../../model/tensors.ts";
import type { Outputs } from "../../train/evaluation.ts";
import { turnTaker } from "../../train/turn.ts";
import { AttentionEntropy } from "./attention_entropy.ts";
import { BinUse } from "./bin_use.ts";
import { calibrationRows } from "./calibration_error.ts";
import { confusionRows, predictedClass } from "./confusion.ts";
import type { Effort } from "./effort.ts";
import { Exits } from "./exits.ts";
import { haltingRows } from "./halting_depth.ts";
import type { InstrumentName } from "./instruments.ts";
import { jacobianRows } from "./jacobian.ts";
import { sampleOrder } from "./sample.ts";
import type { InstrumentRow } from "./table.ts";
import type { Judged } from "./temperature.ts";
import { classTable } from "./token_class.ts";
import { tokenRows } from "./token_steps.ts";

export interface DiagnosisOptions {
  /** Those to be read, each of which applies to the model. */
  readonly instruments: ReadonlySet<InstrumentName>;
  readonly engine: Engine;
  /** The engine's weights. */
  readonly weights: Weights;
  readonly config: ModelConfig;
  readonly dataset: TokenizedDataset;
  /** The reviews that were judged, and what the model said of them, in the same order. */
  readonly indices: Uint32Array;
  readonly outputs: Outputs;
  /** What the temperature is fitted on; undefined where there is nothing to fit it on. */
  readonly fittedOn: Judged | undefined;
  /** The vocabulary's entries by id. */
  readonly entries: readonly string[];
  readonly effort: Effort;
  /** Seed of the samples and random directions. */
  readonly seed: number;
}

/** Where a diagnosis stands. */
export interface DiagnosisProgress {
  readonly instrument: string;
  readonly done: number;
  readonly total: number;
}

/** Tokens that are traced at once: their states and assignments of all steps are in memory together. */
const TRACED_TOKENS = 16_384;

/**
 * Reads the instruments. Yields often, so that a caller can show progress; returns their rows, table by table.
 * Throws RunError when the engine dies.
 */
export async function* readInstruments(
  options: DiagnosisOptions,
): AsyncGenerator<DiagnosisProgress, InstrumentRow[], void> {
  const packed = packBatch(options.dataset, options.indices, options.config.maxSeqLength);
  const rows = [...outputRows(options, packed)];
  rows.push(...yield* tracedRows(options));
  rows.push(...yield* sampledJacobians(options, packed));
  return rows;
}

/** The instruments that need no more than the reviews' tokens, `packed`, and what the model said of them. */
function outputRows(options: DiagnosisOptions, packed: PackedBatch): InstrumentRow[] {
  const { instruments, config, indices, outputs, fittedOn, entries, effort, seed } = options;
  const rows: InstrumentRow[] = [];
  const classes = config.numClasses;
  if (instruments.has("halting")) {
    const { tokens } = packed;
    const input = { tokens, haltingSteps: outputs.haltingSteps, classes: classTable(entries) };
    rows.push(...haltingRows({ ...input, maxLayers: stepLimit(config) }));
  }
  if (instruments.has("calibration")) rows.push(...calibrationRows({ ...outputs, classes, fittedOn }));
  if (instruments.has("confusion")) rows.push(...confusionRows(outputs, classes));
  if (instruments.has("tokens")) {
    for (const place of sampleOrder(indices.length, seed).subarray(0, effort.tokenReviews).toSorted()) {
      const [start, end] = [packed.offsets[place], packed.offsets[place + 1]];
      const review = {
        review: indices[place],
        label: packed.labels[place],
        predicted: predictedClass(outputs.logits, place, classes),
        tokens: Array.from(packed.tokens.subarray(start, end), (id) => entries[id]),
        steps: outputs.haltingSteps.subarray(start, end),
      };
      rows.push(...tokenRows(review, classes));
    }
  }
  return rows;
}

/** The instruments that need every step of some reviews. */
async function* tracedRows(
  { instruments, config, weights, engine, dataset, indices, effort, seed }: DiagnosisOptions,
): AsyncGenerator<DiagnosisProgress, InstrumentRow[], void> {
  const bins = instruments.has("bins") ? new BinUse(config) : undefined;
  const attention = instruments.has("attention") ? new AttentionEntropy(config) : undefined;
  const exits = instruments.has("exits") ? new Exits(config, weights) : undefined;
  const wanted = [bins, attention, exits].filter((instrument) => instrument !== undefined);
  if (wanted.length === 0) return [];
  const takeTurn = turnTaker(() => performance.now());
  const order = sampleOrder(indices.length, seed);
  const places = effort.tracedReviews === 0 ? order : order.subarray(0, effort.tracedReviews);
  const reviews = places.toSorted().map((place) => indices[place]);
  let done = 0;
  for (const batch of batchesOfTokens(dataset, reviews, config.maxSeqLength)) {
    const traces = await engine.trace(batch);
    traces.forEach((trace, s) => {
      bins?.add(trace);
      attention?.add(trace);
      exits?.add(trace, batch.labels[s]);
    });
    done += traces.length;
    yield { instrument: "tracing reviews", done, total: reviews.length };
    await takeTurn();
  }
  return wanted.flatMap((instrument) => instrument.rows());
}

/** Batches of the reviews in their order, each of at least one review. */
function* batchesOfTokens(dataset: TokenizedDataset, reviews: Uint32Array, longest: number): Generator<PackedBatch> {
  const length = (review: number) => Math.min(longest, dataset.offsets[review + 1] - dataset.offsets[review]);
  for (let start = 0; start < reviews.length;) {
    let end = start + 1;
    let tokens = length(reviews[start]);
    while (end < reviews.length && tokens + length(reviews[end]) <= TRACED_TOKENS) tokens += length(reviews[end++]);
    yield packBatch(dataset, reviews.subarray(start, end), longest);
    start = end;
  }
}

/** The Jacobian at some reviews' states; `tokens` and `offsets` hold all reviews. */
async function* sampledJacobians(
  { instruments, config, weights, indices, effort, seed }: DiagnosisOptions,
  { tokens, offsets }: PackedBatch,
): AsyncGenerator<DiagnosisProgress, InstrumentRow[], void> {
  if (!instruments.has("jacobian")) return [];
  const takeTurn = turnTaker(() => performance.now());
  const length = (place: number) => offsets[place + 1] - offsets[place];
  const candidates = sampleOrder(indices.length, seed).subarray(0, effort.jacobianCandidates);
  const places = candidates.toSorted((a, b) => length(a) - length(b) || a - b).subarray(0, effort.jacobianReviews);
  const rows: InstrumentRow[] = [];
  let done = 0;
  for (const place of places.toSorted()) {
    const input = { config, weights, review: indices[place], effort, seed };
    for (const more of jacobianRows({ ...input, tokens: tokens.subarray(offsets[place], offsets[place + 1]) })) {
      rows.push(...more);
      yield { instrument: "jacobian", done, total: places.length };
      await takeTurn();
    }
    yield { instrument: "jacobian", done: ++done, total: places.length };
  }
  return rows;
}
