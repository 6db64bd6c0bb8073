/** Text that is HTML already. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What may stand in a template: text and numbers are escaped, lists are joined, null and undefined leave nothing. */
export type Content = Markup | string | number | null | undefined | readonly Content[];

/** HTML with its values escaped: `` markup`<b>${name}</b>` ``. Called `html`, the formatter would change its spaces. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + textOf(values[i - 1]) + part));
}

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (content === null || content === undefined) return "";
  if (typeof content === "string" || typeof content === "number") return escapeText(String(content));
  return content.map(textOf).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * `text` as it may stand between tags and in quoted attributes. Characters that steer instead of being shown (control
 * characters, changes of the writing direction, lone surrogates) become `\u{…}`.
 */
export function escapeText(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character])
    .replaceAll(
      // deno-lint-ignore no-control-regex -- control characters are what it looks for
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu,
      (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
    );
}
