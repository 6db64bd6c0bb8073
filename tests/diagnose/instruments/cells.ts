import type { InstrumentRow, InstrumentTable } from "../../../src/diagnose/instruments/table.ts";

/** The cells of a table's rows. */
export function cellsOf(rows: readonly InstrumentRow[], table: InstrumentTable): (string | number | null)[][] {
  return rows.filter((row) => row.table === table).map(({ cells }) => [...cells]);
}

/** The values of a table of metrics by their keys and names, joined by spaces: `0 1 active_bins`. */
export function metricsOf(rows: readonly InstrumentRow[], table: InstrumentTable): Map<string, number | null> {
  return new Map(
    cellsOf(rows, table).map((cells) => [cells.slice(0, -1).join(" "), cells.at(-1) as number | null]),
  );
}

/** Whether `found` is `wanted` but for rounding of sums of a few values of size 1. */
export function isNear(found: number | null | undefined, wanted: number): boolean {
  return typeof found === "number" && Math.abs(found - wanted) < 1e-12;
}
