/** What kind of text a token is; every token is of one. */
export const TOKEN_CLASSES = ["cls", "sep", "special", "word", "subword", "number", "punctuation"] as const;
export type TokenClass = typeof TOKEN_CLASSES[number];

const FIRST: ReadonlySet<string> = new Set(["[CLS]", "<s>", "<cls>"]);
const LAST: ReadonlySet<string> = new Set(["[SEP]", "</s>", "<sep>"]);

/**
 * The class of a vocabulary's entry. `special` is any other entry in brackets, as `[UNK]`; `subword` any that goes on
 * with a word (`##ing`), digits included; `punctuation` holds symbols too; what is left is a `word`.
 */
export function tokenClass(entry: string): TokenClass {
  if (FIRST.has(entry)) return "cls";
  if (LAST.has(entry)) return "sep";
  if (/^(?:\[[A-Za-z0-9]+\]|<[A-Za-z0-9]+>)$/.test(entry)) return "special";
  if (/^##./su.test(entry)) return "subword";
  if (/^\p{N}+$/u.test(entry)) return "number";
  return /^[\p{P}\p{S}]+$/u.test(entry) ? "punctuation" : "word";
}

/** Index into `TOKEN_CLASSES` of each entry of a vocabulary. */
export function classTable(entries: readonly string[]): Uint8Array {
  return Uint8Array.from(entries, (entry) => TOKEN_CLASSES.indexOf(tokenClass(entry)));
}
