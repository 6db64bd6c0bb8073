import type { DataRow } from "../charts/drawing.ts";
import { type Markup, markup } from "./markup.ts";

/** A cell: text, or a number as it is to be shown; null where there is none. */
export interface Column {
  readonly heading: string;
  readonly number?: boolean;
}

/**
 * A table whose first column names the row. On narrow pages each row becomes a card, its cells under each other, each
 * with its heading; empty cells are left out there.
 */
export function table(columns: readonly Column[], rows: readonly (readonly (string | null)[])[]): Markup {
  const kind = ({ number }: Column) => number ? "number" : "text";
  const headings = columns.map((column) => markup`<th scope="col" class="${kind(column)}">${column.heading}</th>`);
  const cell = (column: Column, i: number, text: string | null) =>
    i === 0
      ? markup`<th scope="row">${text}</th>`
      : markup`<td data-label="${column.heading}" class="${kind(column)}">${text}</td>`;
  const lines = rows.map((row) => markup`<tr>${columns.map((column, i) => cell(column, i, row[i]))}</tr>\n`);
  return markup`<table class="cards"><thead><tr>${headings}</tr></thead>\n<tbody>\n${lines}</tbody></table>`;
}

/** The data of a chart as a plain table; a column that says the same in every row is left out and named instead. */
export function dataTable(rows: readonly DataRow[]): Markup {
  const columns = Object.keys(rows[0] ?? {});
  const constant = rows.length < 2
    ? []
    : columns.filter((column) => rows.every((row) => row[column] === rows[0][column]));
  const shown = columns.filter((column) => !constant.includes(column) && !repeatsRun(column, rows));
  const said = constant.filter((column) => !repeatsRun(column, rows) && rows[0][column] !== null)
    .map((column) => `${column} ${rows[0][column]}`);
  const note = said.length === 0 ? null : markup`<p class="quiet">${said.join(", ")}</p>`;
  const headings = shown.map((column) => markup`<th scope="col">${column}</th>`);
  const lines = rows.map((row) => markup`<tr>${shown.map((column) => markup`<td>${row[column]}</td>`)}</tr>\n`);
  return markup`${note}<table><thead><tr>${headings}</tr></thead>\n<tbody>\n${lines}</tbody></table>`;
}

/** Where every run has a colour of its own, the series is the run. */
function repeatsRun(column: string, rows: readonly DataRow[]): boolean {
  return column === "series" && rows.every((row) => row.series === row.run);
}
