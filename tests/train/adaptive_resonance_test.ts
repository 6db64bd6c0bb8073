import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../src/errors.ts";
import {
  AdaptiveResonance,
  publishedNumbers,
  SUPPRESSION_LAYERS,
  SUPPRESSION_PRESETS,
  SUPPRESSION_VARIANTS,
  type SuppressionLayer,
  type SuppressionSettings,
  type SuppressionVariant,
} from "../../src/train/adaptive_resonance.ts";
import { GUARDS } from "../../src/train/resonance_guard.ts";

const near = (found: number, wanted: number) =>
  assert.ok(Math.abs(found - wanted) < 1e-12, `${found}, wanted ${wanted}`);

function settingsOf(variant: SuppressionVariant, changed: Partial<SuppressionSettings> = {}): SuppressionSettings {
  const { guard = "lag1" } = changed;
  const numbers = publishedNumbers(variant, "original", guard);
  return { ...numbers, variant, layers: SUPPRESSION_LAYERS, guard, ...changed };
}

const run = (machine: AdaptiveResonance, losses: readonly number[]) =>
  losses.map((loss, step) => machine.step(loss, step));

const losses = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 });
const layers = fc.subarray([...SUPPRESSION_LAYERS]).filter((some) => !some.includes("chi") || some.includes("psi"));
const settings = fc.record({
  variant: fc.constantFrom(...SUPPRESSION_VARIANTS),
  preset: fc.constantFrom(...SUPPRESSION_PRESETS),
  guard: fc.constantFrom(...GUARDS),
  layers,
}).map(({ variant, preset, guard, layers }): SuppressionSettings => ({
  ...publishedNumbers(variant, preset, guard),
  window: guard === "lag1" ? 5 : 27,
  variant,
  guard,
  layers,
}));

Deno.test("memo: a sequence computed by hand, β damped by Φ and the learning rate jittered by 1 − Ψ", () => {
  const machine = new AdaptiveResonance(settingsOf("memo", { window: 4 }), 42);
  const [first, , , fourth] = run(machine, [0, 1, 0, 2]);
  assert.deepEqual({ ...first, phi: 0, betaFactor: 0 }, {
    ...{ surprise: 0, seen: undefined, psi: 1, phi: 0, chi: 0 },
    ...{ betaFactor: 0, learningRateFactor: 1, gradientFactor: 1, gradientNoise: 0 },
  });
  near(first.phi, 1);
  // ρ₁ = −√3/2, so that Ψ = 1/4 and S̃ = 8.
  assert.ok(fourth.seen !== undefined);
  near(fourth.seen, -Math.sqrt(3) / 2);
  near(fourth.psi, 0.25);
  near(fourth.phi, 0.1 + 0.9 * Math.exp(-8));
  near(fourth.betaFactor, fourth.phi);
  assert.ok(fourth.chi !== 0 && Math.abs(fourth.chi) <= 0.1 * 0.75);
  near(fourth.learningRateFactor, 1 + fourth.chi);
  assert.deepEqual([fourth.gradientFactor, fourth.gradientNoise], [1, 0]);
  assert.deepEqual(machine.summary(), { losses: [], surprises: [0, 1, 0, 2] });
});

Deno.test("paper: surprises are measured from the ten losses before, Φ scales the gradient, χ adds noise below Ψ = ½", () => {
  const machine = new AdaptiveResonance(settingsOf("paper", { window: 3, threshold: 0.2 }), 42);
  const [first, second, third, fourth] = run(machine, [1, 2, 2, 1.5]);
  assert.deepEqual([first.surprise, second.surprise, third.surprise], [0, 1, 0.5]);
  near(fourth.surprise, Math.abs(1.5 - 5 / 3));
  near(second.phi, Math.max(0.1, 1 - Math.tanh(2)));
  // S = 0, 1, ½: mean ½, Σ = −¼, Σ² = ½, so that ρ₁ = −½ and Ψ = ½: no noise.
  assert.ok(third.seen !== undefined);
  near(third.seen, -0.5);
  assert.deepEqual([second.psi, second.seen], [1, undefined]);
});

Deno.test("paper: Ψ falls where resonance passes the threshold, and χ acts below a half", () => {
  // Surprises that alternate: 0, then the loss leaves its mean and comes back to it.
  const machine = new AdaptiveResonance(settingsOf("paper", { window: 3, threshold: 0.1 }), 42);
  const steps = run(machine, [1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  for (const { psi, seen, gradientNoise, gradientFactor, surprise, phi } of steps) {
    const resonance = Math.abs(seen ?? 0);
    near(psi, resonance > 0.1 ? Math.max(0.1, 1 - resonance) : 1);
    near(phi, Math.max(0.1, 1 - Math.tanh(2 * surprise / psi)));
    assert.equal(gradientFactor, phi);
    assert.equal(gradientNoise, psi < 0.5 ? 0.01 : 0);
  }
  const rising = new AdaptiveResonance(settingsOf("paper", { window: 40 }), 42);
  // Losses that grow ever faster: surprises on a trend, ρ₁ near 1.
  const last = run(rising, Array.from({ length: 60 }, (_, i) => Math.exp(i / 8))).at(-1);
  assert.ok(last?.seen !== undefined && last.seen > 0.7);
  near(last.psi, Math.max(0.1, 1 - last.seen));
  assert.equal(last.gradientNoise, 0.01);
  assert.equal(last.phi, 0.1);
});

Deno.test("only the ten latest losses and one window of surprises are remembered", () => {
  const machine = new AdaptiveResonance(settingsOf("paper", { window: 7 }), 1);
  run(machine, Array.from({ length: 50 }, (_, i) => i));
  assert.deepEqual(machine.summary().losses, Array.from({ length: 10 }, (_, i) => 40 + i));
  assert.deepEqual(machine.summary().surprises, new Array(7).fill(5.5));
});

Deno.test("Ψ and Φ stay within their bounds, χ within the jitter, and only the variant's own numbers are changed", () => {
  fc.assert(fc.property(settings, losses, (chosen, values) => {
    const { variant, phiMin, jitter } = chosen;
    for (const step of run(new AdaptiveResonance(chosen, 7), values)) {
      assert.ok(step.psi >= (variant === "memo" ? 1e-6 : 0.1) && step.psi <= 1);
      assert.ok(step.phi >= phiMin && step.phi <= 1);
      assert.ok(Math.abs(step.chi) <= jitter);
      assert.ok(step.betaFactor > 0 && step.betaFactor <= 1 && step.gradientFactor > 0 && step.gradientFactor <= 1);
      if (variant === "memo") assert.deepEqual([step.gradientFactor, step.gradientNoise], [1, 0]);
      else assert.deepEqual([step.betaFactor, step.learningRateFactor], [1, 1]);
    }
  }));
});

Deno.test("a larger loss never gives a larger Φ of the memo, nor a larger surprise one of the paper", () => {
  fc.assert(fc.property(settings, losses, fc.double({ min: 0, max: 5, noNaN: true }), (chosen, values, more) => {
    const onlyPhi: SuppressionSettings = { ...chosen, layers: ["phi"] };
    const last = (loss: number) => {
      const machine = new AdaptiveResonance(onlyPhi, 7);
      run(machine, values);
      return machine.step(loss, values.length);
    };
    const [base, raised] = [last(1), last(1 + more)];
    if (raised.surprise >= base.surprise) assert.ok(raised.phi <= base.phi + 1e-15);
  }));
});

Deno.test("a layer that is off does nothing", () => {
  fc.assert(fc.property(settings, losses, (chosen, values) => {
    const off = (some: readonly SuppressionLayer[]) =>
      run(new AdaptiveResonance({ ...chosen, layers: some }, 7), values);
    const untouched = { betaFactor: 1, learningRateFactor: 1, gradientFactor: 1, gradientNoise: 0 };
    for (const step of [...off([]), ...off(["psi"])]) {
      const { betaFactor, learningRateFactor, gradientFactor, gradientNoise } = step;
      assert.deepEqual({ betaFactor, learningRateFactor, gradientFactor, gradientNoise }, untouched);
    }
    for (const { psi } of [...off([]), ...off(["phi"])]) assert.equal(psi, 1);
  }));
});

Deno.test("a machine that goes on from another's summary does what that one does", () => {
  fc.assert(fc.property(settings, losses, losses, (chosen, before, after) => {
    const whole = new AdaptiveResonance(chosen, 7);
    run(whole, before);
    const resumed = new AdaptiveResonance(chosen, 7, JSON.parse(JSON.stringify(whole.summary())));
    after.forEach((loss, i) => assert.deepEqual(resumed.step(loss, i), whole.step(loss, i)));
  }));
});

Deno.test("the memo's jitter is a function of seed and step, other for another one", () => {
  const chi = (seed: number, step: number) => {
    const machine = new AdaptiveResonance(settingsOf("memo", { window: 4 }), seed);
    run(machine, [0, 1, 0]);
    return machine.step(2, step).chi;
  };
  assert.equal(chi(1, 9), chi(1, 9));
  assert.equal(new Set([chi(1, 9), chi(1, 10), chi(2, 9)]).size, 3);
});

Deno.test("windows that are too short, chi without psi and numbers out of range are refused, as are losses that are not finite", () => {
  const bad: Partial<SuppressionSettings>[] = [
    { window: 1 },
    { guard: "permutation", window: 26 },
    { layers: ["phi", "chi"] },
    { phiMin: 1.5 },
    { alpha: NaN },
  ];
  for (const changed of bad) assert.throws(() => new AdaptiveResonance(settingsOf("memo", changed), 1), UsageError);
  const machine = new AdaptiveResonance(settingsOf("paper"), 1);
  assert.throws(() => machine.step(NaN, 0), RangeError);
  assert.deepEqual(machine.summary(), { losses: [], surprises: [] });
});
