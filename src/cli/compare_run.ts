import { UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { compareRuns, type Comparison } from "../report/comparison/comparison.ts";
import { comparisonCsv, comparisonJson } from "../report/comparison/records.ts";
import { type ComparisonTable, comparisonTables } from "../report/comparison/tables.ts";
import { readRuns } from "../report/run.ts";
import type { CompareContext } from "./compare.ts";
import { formatColumns, markdownCell } from "./format.ts";
import { jsonDocument } from "./output.ts";

/** The body of `epsilon compare`. */
export async function compare({ values, positionals, terminal }: CompareContext): Promise<number> {
  const { json, markdown, csv } = values;
  if ([json, markdown, csv].filter((form) => form).length > 1) {
    throw new UsageError(
      "Cannot print the comparison: more than one form was asked for",
      "Give one of --json, --markdown and --csv.",
    );
  }
  const comparison = await compareRuns(await readRuns(positionals, { instruments: [] }));
  for (const note of comparison.notes) terminal.warn(`${note}.`);
  const text = textOf(comparison, values);
  if (values.out === undefined) await terminal.write(text);
  else await writeFileAtomically(values.out, text);
  return 0;
}

function textOf(comparison: Comparison, { json, markdown, csv }: CompareContext["values"]): string {
  if (json) return jsonDocument(comparisonJson(comparison));
  if (csv) return comparisonCsv(comparison);
  return comparisonTables(comparison).map(markdown ? markdownTable : plainTable).join("\n");
}

function plainTable({ title, headings, rows }: ComparisonTable): string {
  return `${title}\n${formatColumns(headings, rows)}`;
}

function markdownTable({ title, headings, rows }: ComparisonTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownCell).join(" | ")} |\n`;
  return `### ${title}\n\n${line(headings)}|${" --- |".repeat(headings.length)}\n${rows.map(line).join("")}`;
}
