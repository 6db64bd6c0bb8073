import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../src/errors.ts";
import { Purpose, RandomStream } from "../../src/model/random.ts";
import { PUBLISHED_RESONANCE, StochasticResonance } from "../../src/train/stochastic_resonance.ts";

const metrics = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 80 });

function gainsOf(machine: StochasticResonance, values: readonly number[]): number[] {
  return values.map((value) => machine.step(value));
}

function assertNear(found: readonly number[], wanted: readonly number[]): void {
  assert.equal(found.length, wanted.length);
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-15, `step ${i}: ${value}, ${wanted[i]}`));
}

Deno.test("the gain follows a sequence computed by hand", () => {
  const machine = new StochasticResonance();
  // First call; a rise; two stagnant steps (the second reaches the patience of 2); a third; a rise.
  const found = gainsOf(machine, [-1, -0.9, -0.9, -0.95, -0.9495, -0.5]);
  const decayed = 0.02 * 0.96;
  const grown = decayed * 1.15;
  assertNear(found, [0.02, decayed, decayed, grown, grown * 1.15, grown * 1.15 * 0.96]);
  assert.deepEqual({ ...machine.summary(), gain: 0 }, { gain: 0, lastMetric: -0.5, stagnantSteps: 0 });
});

Deno.test("a rise of exactly the threshold is an improvement; with the formula's patience of 1 the first stagnant step counts", () => {
  const machine = new StochasticResonance({ patience: 1, stagnationThreshold: 0.25 });
  assertNear(gainsOf(machine, [0, 0.25, 0.25]), [0.02, 0.0192, 0.0192 * 1.15]);
  assert.equal(machine.summary().stagnantSteps, 1);
});

Deno.test("without any improvement the gain ends at its maximum, with nothing else at its minimum", () => {
  const stuck = gainsOf(new StochasticResonance(), new Array(40).fill(1));
  assert.equal(stuck.at(-1), 0.3);
  const rising = gainsOf(new StochasticResonance(), Array.from({ length: 60 }, (_, i) => i));
  assert.equal(rising.at(-1), 0.005);
});

Deno.test("the gain stays within its bounds, grows only while the metric stagnates and falls only while it rises", () => {
  fc.assert(fc.property(metrics, fc.integer({ min: 1, max: 4 }), (values, patience) => {
    const { minGain, maxGain, baseGain, stagnationThreshold } = PUBLISHED_RESONANCE;
    const found = gainsOf(new StochasticResonance({ patience }), values);
    assert.equal(found[0], baseGain);
    for (let i = 1; i < found.length; i++) {
      assert.ok(found[i] >= minGain && found[i] <= maxGain);
      const improved = values[i] - values[i - 1] >= stagnationThreshold;
      assert.ok(improved ? found[i] <= found[i - 1] : found[i] >= found[i - 1]);
    }
  }));
});

Deno.test("more patience never gives a larger gain", () => {
  fc.assert(fc.property(metrics, fc.integer({ min: 1, max: 4 }), (values, patience) => {
    const eager = gainsOf(new StochasticResonance({ patience }), values);
    const patient = gainsOf(new StochasticResonance({ patience: patience + 1 }), values);
    // Equal products in another order may differ in their last bit.
    eager.forEach((gain, i) => assert.ok(patient[i] <= gain * (1 + 1e-12)));
  }));
});

Deno.test("a machine that goes on from a summary gives the same gains as one that was never stopped", () => {
  fc.assert(fc.property(metrics, fc.nat(), (values, at) => {
    const cut = at % values.length;
    const whole = gainsOf(new StochasticResonance(), values);
    const first = new StochasticResonance();
    const before = gainsOf(first, values.slice(0, cut));
    const resumed = new StochasticResonance({}, JSON.parse(JSON.stringify(first.summary())));
    assert.deepEqual([...before, ...gainsOf(resumed, values.slice(cut))], whole);
  }));
});

Deno.test("noise has the gain as its deviation, leaves the values alone and is the stream's", () => {
  const machine = new StochasticResonance({ baseGain: 0.25 });
  const values = new Float32Array(20_000).fill(3);
  const noisy = machine.injectNoise(values, new RandomStream(1, Purpose.diagnosis));
  assert.ok(values.every((value) => value === 3));
  const mean = noisy.reduce((sum, value) => sum + value, 0) / noisy.length;
  const sd = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noisy.length);
  // Five standard errors of each.
  assert.ok(Math.abs(mean - 3) < 5 * 0.25 / Math.sqrt(noisy.length));
  assert.ok(Math.abs(sd - 0.25) < 5 * 0.25 / Math.sqrt(2 * noisy.length));
  const stream = new RandomStream(1, Purpose.diagnosis);
  assert.deepEqual(noisy.subarray(0, 3), Float64Array.from([0, 0, 0], () => 3 + 0.25 * stream.normal()));
});

Deno.test("settings out of range or out of order are refused, and a metric that is not finite", () => {
  assert.throws(() => new StochasticResonance({ patience: 0 }), UsageError);
  assert.throws(() => new StochasticResonance({ gainGrowth: 0.9 }), UsageError);
  assert.throws(() => new StochasticResonance({ gainDecay: NaN }), UsageError);
  assert.throws(() => new StochasticResonance({ baseGain: 0.4 }), /minimum 0.005, base 0.4, maximum 0.3/);
  assert.throws(() => new StochasticResonance().step(NaN), RangeError);
});
