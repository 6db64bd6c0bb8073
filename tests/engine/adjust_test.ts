import assert from "node:assert/strict";
import { ALL_CASES, buildCase } from "../../src/engine/cases.ts";
import type { StepAdjustment, StepAid } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { norm, tensorError } from "../../src/model/golden.ts";
import { addGradientNoise } from "../../src/model/gradient_noise.ts";
import { adamW } from "../../src/model/reference/adamw.ts";
import type { ModelState } from "../../src/model/state.ts";
import { ENGINES } from "./engines.ts";

const ADJUSTMENT: StepAdjustment = {
  learningRate: 0.02,
  beta1: 0.4,
  beta2: 0.7,
  gradientNoise: 0.01,
  gradientFactor: 0.5,
};
const SLABS = ["firstMoment", "secondMoment"] as const;

/** One case of each model, and a mode that halts. */
const CASES = ["seed 7", "seed 29", "seed 206"].map((seed) => {
  const found = ALL_CASES.find(({ name }) => name.endsWith(` ${seed}`));
  assert.ok(found !== undefined);
  return found;
});

function assertNear(found: ModelState, wanted: Required<ModelState>, tolerance: number): void {
  const { weights, optimizer } = found;
  assert.ok(optimizer !== undefined);
  const error = (own: ArrayLike<number>, expected: ArrayLike<number>) =>
    tensorError(Float64Array.from(own), Float64Array.from(expected), norm(Float64Array.from(expected)));
  assert.ok(error(weights.parameters, wanted.weights.parameters) <= tolerance);
  for (const slab of SLABS) assert.ok(error(optimizer[slab], wanted.optimizer[slab]) <= tolerance, slab);
}

for (const agreement of CASES) {
  const { config, state, batch, settings: base } = buildCase(agreement);
  // A gradient above the clipping norm, so that the order of clipping, noise and factor shows.
  const settings = { ...base, clipGradNorm: 0.1, epsilon: 1e-3, weightDecay: 2 };

  Deno.test(`the reference clips, adds noise, scales and takes the step's own β: ${agreement.name}`, async () => {
    const engine = new ReferenceEngine(config);
    await engine.upload(state);
    const { gradNorm } = await engine.trainStep(batch, settings, { adjust: () => ADJUSTMENT });
    const found = await engine.download();

    // The gradient that the step saw, from a step that does nothing but store it as its first moment.
    await engine.upload({ weights: state.weights, optimizer: { ...state.optimizer } });
    const bare = { ...settings, learningRate: 0, beta1: 0, clipGradNorm: 0 };
    await engine.trainStep(batch, bare);
    const gradient = Float64Array.from((await engine.download()).optimizer.firstMoment);
    const wanted = {
      parameters: Float64Array.from(state.weights.parameters),
      firstMoment: Float64Array.from(state.optimizer.firstMoment),
      secondMoment: Float64Array.from(state.optimizer.secondMoment),
    };
    const clipped = gradient.map((value) => value * 0.1 / (gradNorm + 1e-6));
    addGradientNoise(clipped, 0.01, settings.seed, state.optimizer.step);
    const used = clipped.map((value) => 0.5 * value);
    const numbers = { ...settings, learningRate: 0.02, beta1: 0.4, beta2: 0.7 };
    adamW(wanted.parameters, used, wanted.firstMoment, wanted.secondMoment, state.optimizer.step + 1, numbers);
    assert.ok(tensorError(found.weights.parameters, wanted.parameters, norm(wanted.parameters)) < 1e-12);
    for (const slab of SLABS) {
      assert.ok(tensorError(found.optimizer[slab], wanted[slab], norm(wanted[slab])) < 1e-12, slab);
    }
  });

  for (const { name, open, tolerance, ignore } of ENGINES) {
    Deno.test({
      name: `${name} adjusts a step as the reference does, and restores its settings behind it: ${agreement.name}`,
      ignore,
      fn: async () => {
        const opened = await open(config);
        const reference = new ReferenceEngine(config);
        try {
          const given: number[] = [];
          const aid: StepAid = {
            adjust: ({ loss }) => {
              given.push(loss);
              return ADJUSTMENT;
            },
          };
          for (const one of [opened, reference]) {
            await one.upload(state);
            const { loss } = await one.trainStep(batch, settings, aid);
            assert.deepEqual(given.splice(0), [loss]);
          }
          assertNear(await opened.download(), await reference.download(), tolerance);
          for (const one of [opened, reference]) await one.trainStep(batch, settings);
          assertNear(await opened.download(), await reference.download(), tolerance);

          // The step's own settings as its adjustment change no bit.
          const same = { ...settings, gradientNoise: 0, gradientFactor: 1 };
          const states: ModelState[] = [];
          for (const own of [undefined, { adjust: () => same }]) {
            await opened.upload(state);
            await opened.trainStep(batch, settings, own);
            states.push(await opened.download());
          }
          assert.deepEqual(states[0], states[1]);
        } finally {
          await opened.close();
        }
      },
    });
  }
}

Deno.test("gradient noise has its deviation, is the same for the same step and other for another, and in both precisions", () => {
  const noise = <Slab extends Float32Array | Float64Array>(step: number, slab: Slab): Slab => {
    addGradientNoise(slab, 0.5, 2 ** 40 + 7, step);
    return slab;
  };
  const double = () => new Float64Array(40_001);
  const first = noise(3, double());
  const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
  const deviation = Math.sqrt(first.reduce((sum, value) => sum + value * value, 0) / first.length);
  assert.ok(Math.abs(mean) < 5 * 0.5 / 200, `mean ${mean}`);
  assert.ok(Math.abs(deviation - 0.5) < 5 * 0.5 / 282, `deviation ${deviation}`);
  assert.deepEqual(noise(3, double()), first);
  assert.deepEqual(Array.from(noise(3, new Float32Array(40_001))), Array.from(first, Math.fround));
  const other = noise(4, double());
  const product = first.reduce((sum, value, e) => sum + value * other[e], 0) / first.length;
  assert.ok(Math.abs(product) < 5 * 0.25 / 200, `correlation ${product}`);
  const untouched = new Float64Array(9).fill(2);
  addGradientNoise(untouched, 0, 1, 0);
  assert.deepEqual(untouched, new Float64Array(9).fill(2));
});
