/** Token ids of several texts, one after the other. */
export interface EncodedTexts {
  /** Ids [tokens]. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Tokens of each text [texts]. */
  readonly lengths: Uint32Array<ArrayBuffer>;
}

/** Encodes `texts` with `encode`, one after the other. */
export function encodeTexts(texts: readonly string[], encode: (text: string) => Int32Array): EncodedTexts {
  const encoded = texts.map(encode);
  const lengths = Uint32Array.from(encoded, (ids) => ids.length);
  const tokens = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let place = 0;
  for (const ids of encoded) {
    tokens.set(ids, place);
    place += ids.length;
  }
  return { tokens, lengths };
}
