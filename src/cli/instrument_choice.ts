import { loadTokenizer } from "../data/tokenizer.ts";
import { appliesTo, INSTRUMENT_NAMES, type InstrumentName } from "../diagnose/instruments/instruments.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import type { ModelConfig } from "../model/config.ts";
import { suggestName } from "../nearest.ts";
import type { Terminal } from "./output.ts";

/** The instruments that `list` names, with commas between them; `all` or `none`. Throws UsageError for another name. */
export function namedInstruments(list: string): ReadonlySet<InstrumentName> {
  if (list === "none") return new Set();
  const names = list.split(",").map((name) => name.trim());
  return new Set(names.flatMap((name) => {
    if (name === "all") return INSTRUMENT_NAMES;
    const known = INSTRUMENT_NAMES.find((instrument) => instrument === name);
    if (known !== undefined) return [known];
    const choice = `Name some of ${INSTRUMENT_NAMES.join(", ")}, with commas between, or all or none.`;
    throw new UsageError(
      `Cannot read the instruments: there is no "${printable(name)}"`,
      suggestName(name, ["all", "none", ...INSTRUMENT_NAMES], choice),
    );
  }));
}

/** Those of `chosen` that have something to show of the model; one line says which have not. */
function applicableInstruments(
  chosen: ReadonlySet<InstrumentName>,
  config: ModelConfig,
  terminal: Terminal,
): ReadonlySet<InstrumentName> {
  const idle = [...chosen].filter((instrument) => !appliesTo(instrument, config));
  if (idle.length > 0) {
    terminal.say(`The ${config.model} model has neither bins nor halting, so nothing is read of: ${idle.join(", ")}.`);
  }
  return new Set([...chosen].filter((instrument) => appliesTo(instrument, config)));
}

/** Instruments and what they need to name tokens. */
export interface ChosenInstruments {
  readonly instruments: ReadonlySet<InstrumentName>;
  /** The vocabulary's entries by id; none where no instrument asks for them. */
  readonly entries: readonly string[];
}

/** Makes `chosen` ready for a model over the vocabulary of `vocabularyPath`. Throws DataError when that cannot be read. */
export async function prepareInstruments(
  chosen: ReadonlySet<InstrumentName>,
  config: ModelConfig,
  vocabularyPath: string | undefined,
  terminal: Terminal,
): Promise<ChosenInstruments> {
  const instruments = applicableInstruments(chosen, config, terminal);
  if (!instruments.has("halting") && !instruments.has("tokens")) return { instruments, entries: [] };
  const tokenizer = await loadTokenizer(vocabularyPath);
  const ids = Int32Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
  return { instruments, entries: tokenizer.tokenStrings(ids) };
}
