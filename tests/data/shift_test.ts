import assert from "node:assert/strict";
import fc from "fast-check";
import { epochOrder, packBatch } from "../../src/data/batches.ts";
import { plainSource, requireShiftWithin, reversedSource, shortSource, swappedSource } from "../../src/data/shift.ts";
import { TrainingBatches } from "../../src/data/training_batches.ts";
import { UsageError } from "../../src/errors.ts";
import { toyDataset } from "../train/toy_engine.ts";

const dataset = toyDataset(13);
const split = { train: Uint32Array.from({ length: 10 }, (_, i) => i), validation: Uint32Array.of(10, 11, 12) };
const own = plainSource(dataset, split);
const reviews = Uint32Array.of(4, 0, 9);

function sequences({ tokens, offsets }: { tokens: Int32Array; offsets: Uint32Array }): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, s) => [...tokens.subarray(offsets[s], offsets[s + 1])]);
}

Deno.test("reversing keeps each review's first and last token and turns those between, once it is cut", () => {
  for (const length of [2, 3, 4, 512]) {
    const plain = sequences(packBatch(dataset, reviews, length));
    const wanted = plain.map((ids) => ids.length < 3 ? ids : [ids[0], ...ids.slice(1, -1).toReversed(), ids.at(-1)]);
    const found = reversedSource(own).pack(reviews, length);
    assert.deepEqual(sequences(found), wanted);
    assert.deepEqual(found.labels, packBatch(dataset, reviews, length).labels);
  }
});

Deno.test("reversing and swapping twice gives the reviews as they were, and the dataset stays as it is", () => {
  const before = [dataset.tokens.slice(), dataset.labels.slice()];
  assert.deepEqual(reversedSource(reversedSource(own)).pack(reviews, 5), own.pack(reviews, 5));
  assert.deepEqual(swappedSource(swappedSource(own)).pack(reviews, 5), own.pack(reviews, 5));
  assert.deepEqual(swappedSource(own).pack(reviews, 5).labels, Uint8Array.of(1, 1, 0));
  assert.deepEqual([dataset.tokens, dataset.labels], before);
});

Deno.test("short reviews are cut to the shift's length, or to the model's where that is less", () => {
  assert.deepEqual(shortSource(own, 3).pack(reviews, 5), packBatch(dataset, reviews, 3));
  assert.deepEqual(shortSource(own, 9).pack(reviews, 4), packBatch(dataset, reviews, 4));
});

Deno.test("batches before the shift are those of a run without one, those behind it the other source's at the same places", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 5 }), fc.nat(99), (step, batchSize, seed) => {
      const common = { source: own, seed, batchSize, maxSeqLength: 5 };
      const plain = new TrainingBatches(common);
      const shifted = new TrainingBatches({ ...common, shift: { step, after: swappedSource(own) } });
      const perEpoch = Math.ceil(10 / batchSize);
      for (let s = 0; s < 2 * perEpoch; s++) {
        const place = { step: s, epoch: Math.floor(s / perEpoch), batch: s % perEpoch };
        const start = place.batch * batchSize;
        const order = epochOrder(split.train, seed, place.epoch).subarray(start, start + batchSize);
        const wanted = packBatch(dataset, order, 5);
        assert.deepEqual(plain.at(place), wanted);
        const labels = s < step ? wanted.labels : wanted.labels.map((label) => 1 - label);
        assert.deepEqual(shifted.at(place), { ...wanted, labels });
      }
    }),
  );
});

Deno.test("a smaller second domain is visited again within an epoch, each of its reviews as often as any other but one", () => {
  const small = toyDataset(4, 90);
  const after = plainSource(small, { train: Uint32Array.of(0, 1, 3), validation: Uint32Array.of(2) });
  const batches = new TrainingBatches({
    source: own,
    seed: 1,
    batchSize: 4,
    maxSeqLength: 9,
    shift: { step: 1, after },
  });
  const sizes = [0, 1, 2].map((batch) => batches.at({ step: batch + 3, epoch: 1, batch }));
  assert.deepEqual(sizes.map(({ labels }) => labels.length), [4, 4, 2]);
  const seen = sizes.flatMap(sequences).map((ids) => ids.join());
  const counts = [0, 1, 3].map((review) => {
    const [text] = sequences(packBatch(small, Uint32Array.of(review), 9));
    return seen.filter((ids) => ids === text.join()).length;
  });
  assert.deepEqual(counts.toSorted(), [3, 3, 4]);
});

Deno.test("a shift needs steps on both sides", () => {
  for (const step of [1, 5, 9]) requireShiftWithin(step, 10);
  for (const [step, total] of [[10, 10], [11, 10], [0, 10]]) {
    assert.throws(() => requireShiftWithin(step, total), /the run has 10 optimizer steps/);
  }
  assert.throws(() => requireShiftWithin(1, 1), UsageError);
});
