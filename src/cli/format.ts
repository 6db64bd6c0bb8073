import { escapeControls } from "../files/printable.ts";

/** `75` → `1:15`, `3725` → `1:02:05`; an unknown duration is `-:--`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "-:--";
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

const PREFIXES = ["", "k", "M", "G", "T"] as const;

/** Three figures and a decimal prefix: `1234567` → `1.23M`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return "-";
  let scaled = value;
  let power = 0;
  while (Math.abs(scaled) >= 999.5 && power < PREFIXES.length - 1) {
    scaled /= 1000;
    power++;
  }
  const decimals = power === 0 ? 0 : scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${scaled.toFixed(decimals)}${PREFIXES[power]}`;
}

/** Lines of name and value, the values in one column, control characters shown; each line ends with a newline. */
export function formatTable(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${escapeControls(value)}\n`).join("");
}

/** A table for people: a line of headings, then the rows; every column but the first is set to the right, unless `left`. */
export function formatColumns(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { left = false } = {},
): string {
  const lines = [headings, ...rows].map((line) => line.map(escapeControls));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => {
    const fields = line.map((field, column) =>
      left || column === 0 ? field.padEnd(widths[column]) : field.padStart(widths[column])
    );
    return `${fields.join("  ").trimEnd()}\n`;
  }).join("");
}

/** Text that Markdown shows as it is. */
export function markdownCell(text: string): string {
  return escapeControls(text).replaceAll(/[\\`*_{}[\]<>|~&]/g, (character) => `\\${character}`);
}
