import assert from "node:assert/strict";
import { dropoutKey, DropoutMask, DropoutSite, dropoutThreshold } from "../../src/model/dropout.ts";

const ROWS = 64;
const POSITIONS = 1500;

function factors(seed: number, probability: number, site: DropoutSite, t: number): Float64Array {
  const all = new Float64Array(ROWS * POSITIONS);
  const mask = new DropoutMask(dropoutKey(seed, 7, 3), probability);
  for (let i = 0; i < POSITIONS; i++) mask.fill(all.subarray(i * ROWS), ROWS, site, i, t);
  return all;
}

for (const probability of [0.1, 0.5, 0.9]) {
  Deno.test(`dropout ${probability} keeps the mean at 1 and drops its share, to five standard errors`, () => {
    const share = dropoutThreshold(probability) / 65536;
    const all = factors(5, probability, DropoutSite.ffnHidden, 2);
    const dropped = all.reduce((count, factor) => count + (factor === 0 ? 1 : 0), 0) / all.length;
    const variance = all.reduce((sum, factor) => sum + (factor - 1) ** 2, 0) / all.length;
    const standardError = Math.sqrt(share * (1 - share) / all.length);
    assert(Math.abs(dropped - share) <= 5 * standardError, `dropped ${dropped}`);
    assert(Math.abs(variance / (share / (1 - share)) - 1) <= 0.05, `variance ${variance}`);
    assert(all.every((factor) => factor === 0 || factor === 1 / (1 - share)));
  });
}

Deno.test("dropout 0 keeps everything as it is", () => {
  assert(factors(5, 0, DropoutSite.embedding, 0).every((factor) => factor === 1));
});

Deno.test("masks of other sites, steps, positions and sequences are uncorrelated", () => {
  const base = factors(5, 0.5, DropoutSite.attentionOutput, 1);
  const others = [
    factors(5, 0.5, DropoutSite.ffnOutput, 1),
    factors(5, 0.5, DropoutSite.attentionOutput, 2),
    factors(6, 0.5, DropoutSite.attentionOutput, 1),
    Float64Array.from([...base.subarray(ROWS), ...base.subarray(0, ROWS)]),
    Float64Array.from([...base.subarray(1), base[0]]),
  ];
  for (const [number, other] of others.entries()) {
    const correlation = base.reduce((sum, factor, e) => sum + (factor - 1) * (other[e] - 1), 0) / base.length;
    assert(Math.abs(correlation) <= 5 / Math.sqrt(base.length), `pair ${number}: correlation ${correlation}`);
  }
});
