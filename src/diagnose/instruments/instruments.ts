import type { ModelConfig } from "../../model/config.ts";
import type { InstrumentTable } from "./table.ts";

/** The instruments by name, and what each shows. */
export const INSTRUMENTS = {
  halting: "how many steps tokens take, by kind of token",
  bins: "how the bins are used, for each head and step",
  attention: "how widely tokens attend over the bins, for each head and step",
  calibration: "calibration errors, reliability tables and the temperature that mends them",
  exits: "what the classifier would say after each step",
  confusion: "which class is taken for which",
  tokens: "some reviews token by token, with the step at which each halted",
  jacobian: "how the block stretches and turns states: singular values, eigenvalues, growth",
} as const;

export type InstrumentName = keyof typeof INSTRUMENTS;

export const INSTRUMENT_NAMES = Object.keys(INSTRUMENTS) as readonly InstrumentName[];

/** Instruments that need nothing but logits and labels; the vanilla model has neither bins nor halting. */
const OF_ANY_MODEL: ReadonlySet<InstrumentName> = new Set(["calibration", "confusion"]);

/** Whether `instrument` has something to show of the model. */
export function appliesTo(instrument: InstrumentName, { model }: Pick<ModelConfig, "model">): boolean {
  return model === "epsilon" || OF_ANY_MODEL.has(instrument);
}

/** The tables that an instrument fills. */
export function tablesOf(instrument: InstrumentName): readonly InstrumentTable[] {
  if (instrument === "calibration") return ["calibration", "reliability"];
  return instrument === "jacobian" ? ["jacobian", "eigenvalues"] : [instrument];
}
