import assert from "node:assert/strict";
import fc from "fast-check";
import { studentQuantile } from "../../src/libraries/distributions.ts";
import { holm, mcNemar, meanDifference, sampleOf, signTest } from "../../src/report/statistics.ts";

/** What R 4.2 prints; its quantiles and ours are each good to some 1e-10. */
const CLOSE = 1e-8;

function near(found: number | undefined, wanted: number): void {
  assert.ok(
    found !== undefined && Math.abs(found - wanted) <= CLOSE * Math.max(1, Math.abs(wanted)),
    `${found}, wanted ${wanted}`,
  );
}

const X = [89.48, 89.80, 89.20];
const Y = [89.56, 90.20, 89.16, 88.9];
const bySeed = (values: readonly number[], first = 42) =>
  new Map(values.map((value, i) => [`seed ${first + i}`, value]));

Deno.test("quantiles of Student's t are R's", () => {
  near(studentQuantile(0.975, 1), 12.70620473617469);
  near(studentQuantile(0.975, 2), 4.30265272974946);
  near(studentQuantile(0.975, 7.3), 2.34506673654770);
  near(studentQuantile(0.995, 30), 2.74999565356723);
});

Deno.test("mean, deviation and interval of a sample are those of R's t.test", () => {
  const sample = sampleOf(X);
  near(sample?.sd ?? undefined, 0.300222139978602);
  near(sample?.interval?.lower, 88.7475401935101);
  near(sample?.interval?.upper, 90.2391264731566);
  assert.deepEqual(sampleOf([3]), { n: 1, mean: 3, sd: null, interval: null });
  assert.equal(sampleOf([]), undefined);
});

Deno.test("differences are paired by the shared seeds, else Welch's, as R's t.test has them", () => {
  const paired = meanDifference(bySeed(X), bySeed(Y));
  assert.deepEqual([paired?.method, paired?.n], ["paired", 3]);
  near(paired?.interval.lower, -0.711682865410845);
  near(paired?.interval.upper, 0.418349532077513);
  const apart = meanDifference(bySeed(X), bySeed(Y, 100));
  assert.deepEqual([apart?.method, apart?.n], ["Welch", 3]);
  near(apart?.interval.lower, -0.832353291821320);
  near(apart?.interval.upper, 0.909019958488002);
  assert.equal(meanDifference(bySeed([1]), bySeed([2])), undefined);
  const flat = meanDifference(bySeed([1, 1]), bySeed([2, 2], 50));
  assert.deepEqual(flat?.interval, { lower: -1, upper: -1 });
});

Deno.test("McNemar's p is R's binom.test of the disagreements", () => {
  near(signTest(7, 23), 0.0052228793501854);
  near(signTest(180, 120), 0.000634220006928358);
  near(signTest(2000, 2200), 0.00213235567199123);
  assert.equal(signTest(0, 0), 1);
  assert.equal(signTest(5, 5), 1);
  const outcomes = [[true, true], [true, false], [true, false], [false, true], [false, false]] as const;
  const test = mcNemar(outcomes);
  assert.deepEqual(
    [test.reviews, test.bothRight, test.onlyFirstRight, test.onlySecondRight, test.bothWrong],
    [5, 1, 2, 1, 1],
  );
  assert.equal(test.p, 1);
});

Deno.test("the sign test is symmetric, a probability, and grows with a more even split", () => {
  fc.assert(fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
    const p = signTest(a, b);
    assert.ok(p >= 0 && p <= 1);
    near(signTest(b, a), p);
    if (a < b) assert.ok(signTest(a + 1, b - 1) >= p - CLOSE);
  }));
});

Deno.test("Holm's adjustment is R's p.adjust, in the order given", () => {
  holm([0.01, 0.04, 0.03, 0.5]).forEach((p, i) => near(p, [0.04, 0.09, 0.09, 0.5][i]));
  assert.deepEqual(holm([]), []);
});
