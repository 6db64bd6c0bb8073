import type { InstrumentRow } from "./table.ts";
import { TOKEN_CLASSES } from "./token_class.ts";

/** Tokens and what they took. */
export interface HaltingInput {
  /** Token ids, review after review [tokens]. */
  readonly tokens: Int32Array;
  /** Block applications of each [tokens]. */
  readonly haltingSteps: Uint8Array;
  /** Index into `TOKEN_CLASSES` of each id [vocabulary]. */
  readonly classes: Uint8Array;
  /** L: most block applications. */
  readonly maxLayers: number;
}

/**
 * Histogram of the steps by token class: for each class that occurs, and for `all`, how many tokens took 1 … L
 * applications of the block.
 */
export function haltingRows({ tokens, haltingSteps, classes, maxLayers: L }: HaltingInput): InstrumentRow[] {
  const names = [...TOKEN_CLASSES, "all"];
  const all = TOKEN_CLASSES.length;
  const counts = Array.from(names, () => new Uint32Array(L + 1));
  tokens.forEach((id, i) => {
    counts[classes[id]][haltingSteps[i]]++;
    counts[all][haltingSteps[i]]++;
  });
  return names.flatMap((name, c) => {
    if (!counts[c].some((count) => count > 0)) return [];
    return Array.from(
      { length: L },
      (_, t): InstrumentRow => ({ table: "halting", cells: [name, t + 1, counts[c][t + 1]] }),
    );
  });
}
