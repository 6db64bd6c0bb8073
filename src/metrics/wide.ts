import { METRIC_NAMES, type MetricRow, TIMING_NAMES } from "./schema.ts";

/** All metrics of one (run, step, epoch, split). */
export interface WideRow extends Pick<MetricRow, "run" | "step" | "epoch" | "split"> {
  readonly values: ReadonlyMap<string, number | null>;
}

/** Columns for the metrics that occur in `rows`: known ones in their usual order, then others by name. */
export async function metricColumns(rows: AsyncIterable<MetricRow>): Promise<string[]> {
  const found = new Set<string>();
  for await (const { metric } of rows) found.add(metric);
  const known: readonly string[] = [...METRIC_NAMES, ...TIMING_NAMES];
  const others = [...found].filter((name) => !known.includes(name)).toSorted();
  return [...known.filter((name) => found.has(name)), ...others];
}

/**
 * Turns tidy rows, those of one run and step in a row, into one row for each (run, step, epoch, split). Keeps one step in
 * memory. A metric that comes twice for the same key begins another row: no value is lost.
 */
export async function* pivot(rows: AsyncIterable<MetricRow>): AsyncGenerator<WideRow, void> {
  let group: (WideRow & { readonly values: Map<string, number | null> })[] = [];
  for await (const { run, step, epoch, split, metric, value } of rows) {
    if (group.length > 0 && (group[0].run !== run || group[0].step !== step)) {
      yield* group;
      group = [];
    }
    const row = group.findLast((row) => row.epoch === epoch && row.split === split);
    if (row === undefined || row.values.has(metric)) {
      group.push({ run, step, epoch, split, values: new Map([[metric, value]]) });
    } else {
      row.values.set(metric, value);
    }
  }
  yield* group;
}
