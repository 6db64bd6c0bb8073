import assert from "node:assert/strict";
import { Exits } from "../../../src/diagnose/instruments/exits.ts";
import { AGREEMENT_CASES, buildCase } from "../../../src/engine/cases.ts";
import { ReferenceEngine } from "../../../src/engine/reference_engine.ts";
import { stepLimit } from "../../../src/model/config.ts";
import { calibrationOf } from "../../../src/train/calibration.ts";
import { metricsOf } from "./cells.ts";

const CASES = AGREEMENT_CASES.filter(({ config: { model, dModel } }) => model === "epsilon" && dModel <= 12);

Deno.test("the last exit is the model's own answer, whatever the mode and the size", async () => {
  for (const agreement of CASES) {
    const { config, state, batch } = buildCase(agreement);
    const engine = new ReferenceEngine(config);
    await engine.upload(state);
    const { logits, losses } = await engine.predict(batch, { want: "everything", klScale: 1 });
    const exits = new Exits(config, state.weights);
    (await engine.trace(batch)).forEach((trace, s) => exits.add(trace, batch.labels[s]));
    const found = metricsOf(exits.rows(), "exits");
    const last = stepLimit(config);
    const { accuracy } = calibrationOf(logits, batch.labels, config.numClasses);
    // The remainder is 1 − Σp here and r there: they differ by a rounding a step.
    assert.ok(Math.abs((found.get(`${last} cross_entropy`) ?? NaN) - (losses?.taskLoss ?? 0)) < 1e-9, agreement.name);
    assert.equal(found.get(`${last} accuracy`), accuracy, agreement.name);
    assert.equal(found.get(`1 active_share`), 1);
    assert.equal(found.get(`1 reviews`), batch.labels.length);
  }
});

Deno.test("the first exit reads the first state alone", async () => {
  const { config, state, batch } = buildCase(CASES[0]);
  const engine = new ReferenceEngine({ ...config, halting: "repeat-k", repeat: 1 });
  await engine.upload(state);
  const { losses } = await engine.predict(batch, { want: "everything", klScale: 1 });
  const deep = new ReferenceEngine(config);
  await deep.upload(state);
  const exits = new Exits(config, state.weights);
  (await deep.trace(batch)).forEach((trace, s) => exits.add(trace, batch.labels[s]));
  const first = metricsOf(exits.rows(), "exits").get("1 cross_entropy") ?? NaN;
  assert.ok(Math.abs(first - (losses?.taskLoss ?? 0)) < 1e-12);
});
