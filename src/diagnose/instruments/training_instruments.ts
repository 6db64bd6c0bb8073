import type { TokenizedDataset } from "../../data/dataset.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { TrainEvent } from "../../train/events.ts";
import { runToEnd } from "../../train/run_to_end.ts";
import { readInstruments } from "./diagnosis.ts";
import { PASSING } from "./effort.ts";
import type { InstrumentName } from "./instruments.ts";
import type { InstrumentRow } from "./table.ts";

/** Where in a run instruments were read. */
export interface InstrumentPlace {
  /** Optimizer steps taken; null where that is not known. */
  readonly step: number | null;
  /** Number of the epoch that had ended, from 1; null in mid-epoch or where that is not known. */
  readonly epoch: number | null;
  readonly split: "train" | "validation" | "test" | "all";
}

/** What the instruments showed at the end of an epoch. */
export interface InstrumentEvent {
  readonly kind: "instruments";
  readonly place: InstrumentPlace;
  readonly rows: readonly InstrumentRow[];
}

export interface TrainingInstruments {
  readonly instruments: ReadonlySet<InstrumentName>;
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly dataset: TokenizedDataset;
  /** The validation reviews. */
  readonly indices: Uint32Array;
  readonly entries: readonly string[];
  /** The run's seed: every epoch looks at the same reviews. */
  readonly seed: number;
}

/**
 * Passes training's events on and, after each epoch's, reads the instruments on its validation; they stand before the
 * epoch's checkpoint. Nothing of the training changes by it.
 */
export async function* withInstruments(
  events: AsyncIterable<TrainEvent>,
  options: TrainingInstruments,
): AsyncGenerator<TrainEvent | InstrumentEvent, void, void> {
  const { engine, instruments } = options;
  for await (const event of events) {
    yield event;
    if (event.kind !== "epoch") continue;
    const needsWeights = instruments.has("exits") || instruments.has("jacobian");
    const none = { parameters: new Float32Array(0), buffers: new Float32Array(0) };
    const weights = needsWeights ? (await engine.download()).weights : none;
    const { step, epoch, outputs } = event;
    const rows = await runToEnd(readInstruments({ ...options, weights, outputs, fittedOn: outputs, effort: PASSING }));
    yield { kind: "instruments", place: { step, epoch, split: "validation" }, rows };
  }
}
