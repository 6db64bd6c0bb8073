/**
 * `value` as JSON text. JSON leaves DEL, the C1 controls and direction marks bare; escaped they mean the same and cannot
 * steer a terminal.
 */
export function escapedJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
