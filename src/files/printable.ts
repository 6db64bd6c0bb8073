const LONGEST = 200;

/** Characters that steer a terminal or the direction of writing instead of being shown. */
const CONTROLS = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** `text` in which control characters and those that change the direction of writing are `\u{…}` escapes. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/**
 * `text` made safe to show: control characters and those that change the direction of writing become `\u{…}` escapes,
 * and what is longer than 200 characters is cut. For names and values that come from files or archives.
 */
export function printable(text: string): string {
  const escaped = escapeControls(text.slice(0, LONGEST + 1));
  return escaped.length > LONGEST ? `${escaped.slice(0, LONGEST)}…` : escaped;
}
