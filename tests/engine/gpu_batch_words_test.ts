import assert from "node:assert/strict";
import fc from "fast-check";
import { batchWords } from "../../src/engine/gpu/batch_words.ts";

Deno.test("a batch's tokens are sorted by id, in their order within an id, those of [PAD] left out", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(lengths, fc.integer({ min: 0, max: 40 }), fc.infiniteStream(fc.nat()), (sizes, most, ids) => {
    const offsets = Uint32Array.from([0, ...sizes.map((_, s) => sizes.slice(0, s + 1).reduce((a, b) => a + b))]);
    const tokens = Int32Array.from({ length: offsets[sizes.length] }, () => ids.next().value % (most + 1));
    const { words, permutation, ids: idsAt, starts, segments } = batchWords(
      { tokens, offsets, labels: new Uint8Array(sizes.length) },
      1,
      0,
    );
    const wanted = [...tokens.keys()].filter((i) => tokens[i] !== 0).sort((a, b) => tokens[a] - tokens[b] || a - b);
    assert.deepEqual([...words.subarray(permutation, permutation + wanted.length)], wanted);
    assert.deepEqual([...words.subarray(idsAt, idsAt + segments)], [...new Set(wanted.map((i) => tokens[i]))]);
    for (let k = 0; k < segments; k++) {
      const [from, to] = words.subarray(starts + k, starts + k + 2);
      assert(from < to);
      assert(wanted.slice(from, to).every((i) => tokens[i] === words[idsAt + k]));
    }
    assert.equal(words[starts + segments], wanted.length);
  }));
});
