import assert from "node:assert/strict";
import { FINAL_LEARNING_RATES, klScaleAt, learningRateAt } from "../../src/train/schedule.ts";

const goldens = new URL(`file://${Deno.env.get("EPSILON_SHARED") ?? ""}/goldens/trajectory-soft.json`);
const shared = Deno.env.has("EPSILON_SHARED")
  ? goldens
  : new URL("../../../shared/goldens/trajectory-soft.json", import.meta.url);

function present(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "the learning rate follows the golden trajectory within 1e-12",
  ignore: !present(shared),
  fn() {
    const golden = JSON.parse(Deno.readTextFileSync(shared));
    const { lr, warmup_steps, total_steps } = golden.optimizer;
    const schedule = { peak: lr, warmupSteps: warmup_steps, totalSteps: total_steps };
    assert.ok(golden.expected.steps.length > warmup_steps);
    for (const { step, lr: wanted } of golden.expected.steps) {
      const found = learningRateAt(step, schedule);
      assert.ok(Math.abs(found - wanted) <= 1e-12 * wanted, `step ${step}: ${found}, wanted ${wanted}`);
    }
  },
});

Deno.test("without a warm-up the first step has the peak learning rate", () => {
  assert.equal(learningRateAt(0, { peak: 3e-4, warmupSteps: 0, totalSteps: 10 }), 3e-4);
  assert.equal(learningRateAt(0, { peak: 3e-4, warmupSteps: 0, totalSteps: 1 }), 3e-4);
});

Deno.test("the vanilla model's cosine ends at zero one step after the last, the Epsilon model's at 1e-7", () => {
  const schedule = { peak: 3e-4, warmupSteps: 0, totalSteps: 100 };
  const { vanilla, epsilon } = FINAL_LEARNING_RATES;
  assert.equal(learningRateAt(100, { ...schedule, final: vanilla }), 0);
  assert.equal(learningRateAt(50, { ...schedule, final: vanilla }), 1.5e-4);
  assert.equal(learningRateAt(100, { ...schedule, final: epsilon }), 1e-7);
  assert.equal(learningRateAt(100, schedule), 1e-7);
});

Deno.test("a warm-up as long as the run or longer only rises and stays below the peak", () => {
  for (const warmupSteps of [10, 11, 1000]) {
    const rates = Array.from(
      { length: 10 },
      (_, step) => learningRateAt(step, { peak: 1, warmupSteps, totalSteps: 10 }),
    );
    assert.equal(rates[0], 1e-6);
    for (let i = 1; i < rates.length; i++) assert.ok(rates[i] > rates[i - 1] && rates[i] < 1);
  }
});

Deno.test("the cosine falls from the peak and ends above 1e-7, halfway at the middle", () => {
  const schedule = { peak: 2e-3, warmupSteps: 100, totalSteps: 1100 };
  assert.equal(learningRateAt(100, schedule), 2e-3);
  assert.ok(Math.abs(learningRateAt(600, schedule) - (1e-7 + (2e-3 - 1e-7) / 2)) < 1e-15);
  for (let step = 101; step < 1100; step++) {
    assert.ok(learningRateAt(step, schedule) < learningRateAt(step - 1, schedule));
    assert.ok(learningRateAt(step, schedule) > 1e-7);
  }
});

Deno.test("a peak below 1e-7 is never raised, so that learning rate 0 trains nothing", () => {
  for (const peak of [0, 5e-8]) {
    for (let step = 0; step < 20; step++) {
      assert.ok(learningRateAt(step, { peak, warmupSteps: 3, totalSteps: 20 }) <= peak);
    }
  }
});

Deno.test("the KL scale is 1 in the first epoch and falls along the cosine of spec §2", () => {
  assert.equal(klScaleAt(0, 25), 1);
  assert.equal(klScaleAt(0, 1), 1);
  for (let epoch = 1; epoch < 25; epoch++) {
    const wanted = 0.1 + 0.9 * 0.5 * (1 + Math.cos((Math.PI * epoch) / 25));
    assert.ok(Math.abs(klScaleAt(epoch, 25) - wanted) < 1e-15);
    assert.ok(klScaleAt(epoch, 25) < klScaleAt(epoch - 1, 25));
  }
  assert.ok(Math.abs(klScaleAt(5, 10) - 0.55) < 1e-15);
});
