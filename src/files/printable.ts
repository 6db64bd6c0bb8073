const LONGEST = 200;

/**
 * `text` made safe to show: control characters and those that change the direction of writing become `\u{…}` escapes,
 * and what is longer than 200 characters is cut. For names and values that come from files or archives.
 */
export function printable(text: string): string {
  const escaped = text.slice(0, LONGEST + 1).replace(
    /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return escaped.length > LONGEST ? `${escaped.slice(0, LONGEST)}…` : escaped;
}
