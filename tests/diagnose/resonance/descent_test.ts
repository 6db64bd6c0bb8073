import assert from "node:assert/strict";
import { controlRows } from "../../../src/diagnose/resonance/controls.ts";
import { descend, type DescentPoint, VARIANTS } from "../../../src/diagnose/resonance/descent.ts";
import { PUBLISHED_BENCHMARK } from "../../../src/diagnose/resonance/published.ts";
import { SURFACES } from "../../../src/diagnose/resonance/surfaces.ts";
import { Purpose, RandomStream } from "../../../src/model/random.ts";
import { StochasticResonance } from "../../../src/train/stochastic_resonance.ts";

const [bowl] = SURFACES;

/**
 * Seeds, of the first 20,000, that start within 4 % of the published first loss: it is so low that one seed in 2,000
 * starts below it (ours, counted; the χ² law says one in 2,500), and everything behind it follows from it.
 */
const LOW_STARTS = [108, 419, 1920, 2177, 4166, 4373, 9274, 9583, 10847, 11333, 12345, 12470, 12839, 13152];

function descent(seed: number, steps: number, dim = 128): DescentPoint[] {
  return [...descend({ surface: bowl, steps, dim, seed })];
}

Deno.test("the first steps are those of the formula, with the stream's own numbers", () => {
  const [seed, dim] = [5, 3];
  const stream = (index: number) => new RandomStream(seed, Purpose.resonance, index);
  const [starts, optima, noise] = [stream(0), stream(1), stream(2)];
  let x = Array.from({ length: dim }, () => starts.normal());
  const optimum = Array.from({ length: dim }, () => 0.1 * optima.normal());
  const loss = () => x.reduce((sum, value, i) => sum + (value - optimum[i]) ** 2 / 2, 0) / dim;
  const machine = new StochasticResonance();
  const found = descent(seed, 4, dim);
  for (let step = 0; step <= 4; step++) {
    assert.ok(Math.abs(found[step].loss - loss()) < 1e-12, `step ${step}`);
    assert.ok(Math.abs(found[step].distance - Math.sqrt(2 * loss())) < 1e-12);
    const gain = machine.step(-loss());
    x = x.map((value, i) => value - (0.05 * gain + 0.001) * (value - optimum[i]) - 0.01 * gain * noise.normal());
    if (step < 4) assert.equal(found[step + 1].gain, gain);
  }
});

Deno.test("over seeds that start as low as the published one, gains and losses cover the published values", () => {
  const runs = LOW_STARTS.map((seed) => descent(seed, 2000));
  for (const run of runs) {
    assert.ok(Math.abs(run[0].loss / PUBLISHED_BENCHMARK.firstLoss - 1) < 0.04);
  }
  for (const { steps, gain, loss } of PUBLISHED_BENCHMARK.given) {
    const gains = runs.map((run) => Number(run[steps].gain.toFixed(4)));
    const losses = runs.map((run) => run[steps].loss);
    assert.ok(Math.min(...gains) <= gain && gain <= Math.max(...gains), `gain after ${steps}: ${gains}`);
    assert.ok(Math.min(...losses) <= loss && loss <= Math.max(...losses), `loss after ${steps}: ${losses}`);
  }
});

Deno.test("no seed comes near the documented loss after 200 steps; over all seeds losses lie about the published ones", () => {
  const { documented, given } = PUBLISHED_BENCHMARK;
  const finals = Array.from({ length: 100 }, (_, seed) => descent(seed, documented.steps)[documented.steps].loss);
  assert.ok(Math.min(...finals) > 50 * documented.loss);
  const published = given.find(({ steps }) => steps === documented.steps)?.loss ?? NaN;
  const mean = finals.reduce((sum, value) => sum + value, 0) / finals.length;
  assert.ok(mean > published && mean < 4 * published, String(mean));
});

Deno.test("every slope is its loss's derivative, and every optimum has loss 0 and slope 0", () => {
  for (const { name, start, optimum, loss, slope } of SURFACES) {
    const stream = new RandomStream(1, Purpose.resonance);
    const [x, best] = [start(50, stream), optimum(50, stream)];
    x.forEach((value, i) => {
      const difference = (loss(value + 1e-5, best[i]) - loss(value - 1e-5, best[i])) / 2e-5;
      assert.ok(Math.abs(difference - slope(value, best[i])) < 1e-8, `${name} at ${value}`);
      assert.ok(Math.abs(loss(best[i], best[i])) < 1e-15 && Math.abs(slope(best[i], best[i])) < 1e-12, name);
      assert.ok(loss(value, best[i]) >= 0, name);
    });
  }
});

Deno.test("controls start where the published descent starts; without noise they take its step sizes and are smoother", () => {
  for (const surface of SURFACES) {
    const of = (
      name: string,
    ) => [...descend({ surface, steps: 150, dim: 64, seed: 3, variant: VARIANTS.find((one) => one.name === name) })];
    const [published, quiet, fixed, loud] = ["published", "no-noise", "fixed-gain", "noise-100"].map(of);
    for (const run of [quiet, fixed, loud]) assert.deepEqual(run[0], published[0]);
    assert.deepEqual(quiet.map(({ gain }) => gain), published.map(({ gain }) => gain));
    assert.deepEqual(loud.map(({ gain }) => gain), published.map(({ gain }) => gain));
    assert.ok(fixed.every(({ gain }) => gain === 0.02));
    for (let step = 1; step <= 150; step++) assert.ok(quiet[step].loss <= quiet[step - 1].loss);
    assert.ok(loud.some(({ loss }, step) => step > 0 && loss > loud[step - 1].loss));
  }
});

Deno.test("the controls' table has about 20 points a descent, its start and its end among them", () => {
  for (const steps of [1, 19, 100, 101]) {
    const rows = [...controlRows({ steps, dim: 2, seeds: [1, 2] })];
    const kept = rows.filter(({ surface, variant, seed }) =>
      surface === "plateau" && variant === "no-noise" && seed === 2
    );
    assert.equal(rows.length, kept.length * SURFACES.length * VARIANTS.length * 2);
    assert.equal(kept[0].step, 0);
    assert.equal(kept.at(-1)?.step, steps);
    assert.ok(kept.length <= 22);
  }
});
