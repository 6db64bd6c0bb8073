import assert from "node:assert/strict";
import { AttentionEntropy } from "../../../src/diagnose/instruments/attention_entropy.ts";
import { BinUse } from "../../../src/diagnose/instruments/bin_use.ts";
import type { SequenceTrace } from "../../../src/engine/engine.ts";
import { type ModelConfig, PAPER_CONFIG } from "../../../src/model/config.ts";
import { isNear, metricsOf } from "./cells.ts";

const config: ModelConfig = { ...PAPER_CONFIG, dModel: 2, numHeads: 1, numBins: 4, maxLayers: 3 };

/** A trace of one head whose rows, one a token, are the same in every step. */
function traceOf(rows: readonly (readonly number[])[], haltingSteps: readonly number[]): SequenceTrace {
  const flat = Float64Array.from(rows.flat());
  const steps = Array.from({ length: Math.max(...haltingSteps) }, () => flat);
  const n = rows.length;
  return {
    stepProbabilities: new Float64Array(n * 3),
    haltingSteps: Uint8Array.from(haltingSteps),
    binAssignmentStep0: flat,
    attentionStep0: flat,
    stateStep0: new Float64Array(2 * n),
    states: [new Float64Array(2 * n), ...steps.map(() => new Float64Array(2 * n))],
    assignments: steps,
    attention: steps,
  };
}

const SURE = [0, 1, 0, 0];
const OTHER = [1, 0, 0, 0];
const EVEN = [0.25, 0.25, 0.25, 0.25];
const HALF = [0.5, 0, 0, 0.5];

Deno.test("bin use of two reviews agrees with values worked out by hand", () => {
  const use = new BinUse(config);
  use.add(traceOf([SURE, SURE, HALF], [1, 2, 2]));
  use.add(traceOf([SURE], [1]));
  const found = metricsOf(use.rows(), "bins");
  // Hard bins of step 1: three tokens in bin 1, one in bin 0.
  const wanted = {
    hard_entropy_bits: -0.75 * Math.log2(0.75) - 0.25 * Math.log2(0.25),
    active_bins: 2,
    active_bins_per_review: 1.5,
    largest_share: 0.75,
    soft_entropy_bits: 0.25,
    mass_entropy_bits: -0.75 * Math.log2(0.75) - 2 * 0.125 * Math.log2(0.125),
    reviews: 2,
    tokens: 4,
  };
  for (const [metric, value] of Object.entries(wanted)) {
    assert.ok(isNear(found.get(`0 1 ${metric}`), value), `${metric}: ${found.get(`0 1 ${metric}`)}, wanted ${value}`);
  }
  // Only the first review ran a second step, and its halted token is still in the bins.
  assert.equal(found.get("0 2 reviews"), 1);
  assert.equal(found.get("0 2 tokens"), 3);
  assert.equal(found.get("0 3 tokens"), undefined);
});

Deno.test("assignments that are not finite leave their values missing", () => {
  const use = new BinUse(config);
  use.add(traceOf([[NaN, 0, 0, 1]], [1]));
  const found = metricsOf(use.rows(), "bins");
  for (
    const metric of ["hard_entropy_bits", "active_bins", "largest_share", "soft_entropy_bits", "mass_entropy_bits"]
  ) {
    assert.equal(found.get(`0 1 ${metric}`), null, metric);
  }
  assert.equal(found.get("0 1 tokens"), 1);
});

Deno.test("attention counts the tokens that a step updates, collapsed and overloaded ones among them", () => {
  const spread = new AttentionEntropy(config);
  spread.add(traceOf([SURE, EVEN, HALF, OTHER], [1, 2, 2, 2]));
  const found = metricsOf(spread.rows(), "attention");
  assert.ok(isNear(found.get("0 1 entropy_nats"), (Math.log(4) + Math.log(2)) / 4));
  assert.equal(found.get("0 1 collapsed_share"), 0.5);
  assert.equal(found.get("0 1 overloaded_share"), 0.25);
  assert.ok(isNear(found.get("0 2 entropy_nats"), (Math.log(4) + Math.log(2)) / 3));
  assert.equal(found.get("0 2 tokens"), 3);
  const soft = new AttentionEntropy({ ...config, halting: "soft" });
  soft.add(traceOf([SURE, EVEN], [1, 2]));
  assert.equal(metricsOf(soft.rows(), "attention").get("0 2 tokens"), 2);
});

Deno.test("a single bin has nothing to spread over", () => {
  const spread = new AttentionEntropy({ ...config, numBins: 1 });
  spread.add(traceOf([[1], [1]], [1, 1]));
  const found = metricsOf(spread.rows(), "attention");
  assert.equal(found.get("0 1 entropy_nats"), 0);
  assert.equal(found.get("0 1 collapsed_share"), null);
  assert.equal(found.get("0 1 overloaded_share"), null);
});
