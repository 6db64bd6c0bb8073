import fc from "fast-check";
import assert from "node:assert/strict";
import { stratifiedSplit } from "../../src/data/split.ts";
import { DataError, UsageError } from "../../src/errors.ts";

const positives = (labels: Uint8Array, part: Uint32Array) => part.reduce((sum, review) => sum + labels[review], 0);

Deno.test("25,000 balanced reviews part into 22,500 and 2,500 with 1,250 of each class", () => {
  const labels = Uint8Array.from({ length: 25_000 }, (_, review) => review < 12_500 ? 1 : 0);
  const { train, validation } = stratifiedSplit(labels, { seed: 42, validationShare: 0.1 });
  assert.equal(train.length, 22_500);
  assert.equal(validation.length, 2_500);
  assert.equal(positives(labels, validation), 1_250);
});

Deno.test("parts are disjoint, complete, stratified to rounding and determined by the seed", () => {
  const cases = fc.record({
    labels: fc.array(fc.constantFrom(0, 1), { minLength: 4, maxLength: 400 }),
    seed: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    validationShare: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
  }).filter(({ labels }) => {
    const ones = labels.filter((label) => label === 1).length;
    return ones >= 2 && labels.length - ones >= 2;
  });
  fc.assert(fc.property(cases, ({ labels: list, seed, validationShare }) => {
    const labels = Uint8Array.from(list);
    const { train, validation } = stratifiedSplit(labels, { seed, validationShare });
    assert.deepEqual([...train, ...validation].sort((a, b) => a - b), list.map((_, review) => review));
    for (const label of [0, 1]) {
      const all = list.filter((found) => found === label).length;
      const held = validation.filter((review) => labels[review] === label).length;
      assert.ok(held >= 1 && held < all);
      assert.ok(Math.abs(held - all * validationShare) < 1);
    }
    assert.deepEqual(stratifiedSplit(labels, { seed, validationShare }), { train, validation });
  }));
});

Deno.test("another seed holds out other reviews", () => {
  const labels = Uint8Array.from({ length: 1000 }, (_, review) => review % 2);
  const held = (seed: number) => stratifiedSplit(labels, { seed, validationShare: 0.1 }).validation;
  assert.notDeepEqual(held(1), held(2));
  assert.notDeepEqual(held(1), held(1 + 2 ** 32));
});

Deno.test("a class with fewer than two reviews is a data error, a share outside (0, 1) a usage error", () => {
  const of = (...labels: number[]) => Uint8Array.from(labels);
  assert.throws(() => stratifiedSplit(of(), { seed: 1, validationShare: 0.5 }), DataError);
  assert.throws(() => stratifiedSplit(of(1, 1, 1), { seed: 1, validationShare: 0.5 }), /0 negative, at least 2 wanted/);
  assert.throws(() => stratifiedSplit(of(0, 0, 1), { seed: 1, validationShare: 0.5 }), /1 positive, at least 2 wanted/);
  for (const validationShare of [0, 1, -0.1, NaN, Infinity]) {
    assert.throws(() => stratifiedSplit(of(0, 0, 1, 1), { seed: 1, validationShare }), UsageError);
  }
});
