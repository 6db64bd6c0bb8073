import fc from "fast-check";
import assert from "node:assert/strict";
import { epochOrder, packBatch } from "../../src/data/batches.ts";
import type { TokenizedDataset } from "../../src/data/dataset.ts";

const dataset: TokenizedDataset = {
  tokens: Int32Array.of(101, 102, 101, 7, 8, 9, 102, 101, 5, 102),
  offsets: Uint32Array.of(0, 2, 7, 10),
  labels: Uint8Array.of(0, 1, 1),
  names: ["a", "b", "c"],
  dataHash: "",
  vocabularyHash: "",
  vocabularySize: 200,
};

Deno.test("a batch holds the reviews in the order asked, at their true lengths", () => {
  assert.deepEqual(packBatch(dataset, Uint32Array.of(2, 0, 1), 512), {
    tokens: Int32Array.of(101, 5, 102, 101, 102, 101, 7, 8, 9, 102),
    offsets: Uint32Array.of(0, 3, 5, 10),
    labels: Uint8Array.of(1, 0, 1),
  });
  assert.deepEqual(packBatch(dataset, new Uint32Array(0), 512).offsets, Uint32Array.of(0));
});

Deno.test("a long review is cut so that [CLS] stays first and [SEP] last", () => {
  const cut = (length: number) => Array.from(packBatch(dataset, Uint32Array.of(1), length).tokens);
  assert.deepEqual(cut(5), [101, 7, 8, 9, 102]);
  assert.deepEqual(cut(4), [101, 7, 8, 102]);
  assert.deepEqual(cut(2), [101, 102]);
});

Deno.test("an epoch visits every review once, in an order set by seed and epoch", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(), { minLength: 1 }), fc.nat(), fc.nat(1000), (list, seed, epoch) => {
    const indices = Uint32Array.from(list);
    const order = epochOrder(indices, seed, epoch);
    assert.deepEqual(Array.from(indices), list);
    assert.deepEqual(Array.from(order).sort((a, b) => a - b), list.toSorted((a, b) => a - b));
    assert.deepEqual(epochOrder(indices, seed, epoch), order);
  }));
  const indices = Uint32Array.from({ length: 100 }, (_, i) => i);
  assert.notDeepEqual(epochOrder(indices, 42, 0), epochOrder(indices, 42, 1));
  assert.notDeepEqual(epochOrder(indices, 42, 0), epochOrder(indices, 43, 0));
});
