import assert from "node:assert/strict";
import { erf, erfc } from "../../src/model/reference/erf.ts";
import { gelu, geluSlope } from "../../src/model/reference/gelu.ts";

/** x, erf(x), erfc(x), computed with 40 digits by mpmath. */
const VALUES: readonly (readonly [number, number, number])[] = [
  [1e-300, 1.128379167095512602e-300, 1.0],
  [1e-9, 1.128379167095512644e-9, 0.9999999988716208329],
  [0.1, 0.1124629160182848984, 0.8875370839817151016],
  [0.5, 0.5204998778130465377, 0.4795001221869534623],
  [1, 0.8427007929497148693, 0.1572992070502851307],
  [1.4999999, 0.9661051345822800138, 0.03389486541771998619],
  [1.5, 0.9661051464753107271, 0.03389485352468927293],
  [1.75, 0.9866716712191824438, 0.01332832878081755623],
  [2, 0.9953222650189527342, 0.004677734981047265838],
  [2.5, 0.9995930479825550411, 0.0004069520174449589396],
  [3, 0.9999779095030014146, 0.00002209049699858544137],
  [4, 0.9999999845827420997, 1.541725790028001885e-8],
  [6, 0.9999999999999999785, 2.151973671249891312e-17],
  [10, 1.0, 2.088487583762544757e-45],
  [20, 1.0, 5.395865611607900929e-176],
  [26, 1.0, 5.663192408856142846e-296],
];

const relative = (found: number, wanted: number) => Math.abs(found / wanted - 1);

for (const [x, wantedErf, wantedErfc] of VALUES) {
  Deno.test(`erf(±${x}) is right to 2e-15 and erfc to 2e-14`, () => {
    assert(relative(erf(x), wantedErf) <= 2e-15, `erf ${erf(x)}`);
    assert(relative(erfc(x), wantedErfc) <= 2e-14, `erfc ${erfc(x)}`);
    assert.equal(erf(-x), -erf(x));
    assert(relative(erfc(-x), 1 + wantedErf) <= 2e-15, `erfc ${erfc(-x)}`);
  });
}

Deno.test("erf and erfc have their limits and pass NaN on", () => {
  assert.deepEqual([erf(0), erf(Infinity), erf(-Infinity)], [0, 1, -1]);
  assert.deepEqual([erfc(0), erfc(Infinity), erfc(-Infinity)], [1, 0, 2]);
  assert(Number.isNaN(erf(NaN)) && Number.isNaN(erfc(NaN)));
});

Deno.test("GELU is x·Φ(x), and its slope is its derivative", () => {
  assert(relative(gelu(1), 0.8413447460685429486) <= 2e-15);
  assert(relative(gelu(-1), -0.1586552539314570514) <= 2e-14);
  for (const x of [-9, -3.1, -1.7, -0.4, 0, 0.3, 1, 2.2, 5]) {
    const step = 1e-3;
    const slope = (8 * (gelu(x + step) - gelu(x - step)) - (gelu(x + 2 * step) - gelu(x - 2 * step))) / (12 * step);
    assert(Math.abs(slope - geluSlope(x)) <= 1e-11, `slope at ${x}: ${geluSlope(x)}, differences give ${slope}`);
  }
});
