import assert from "node:assert/strict";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { evaluateDataset, type Evaluation, type EvaluationOptions } from "../../src/train/evaluation.ts";
import { toyDataset, ToyEngine } from "./toy_engine.ts";

async function evaluate(changed: Partial<EvaluationOptions>): Promise<{ result: Evaluation; done: number[] }> {
  const evaluation = evaluateDataset({
    engine: new ToyEngine(),
    dataset: toyDataset(11),
    indices: Uint32Array.from({ length: 11 }, (_, i) => i),
    modelConfig: { ...PAPER_CONFIG, vocabSize: 50 },
    batchSize: 4,
    ...changed,
  });
  const done: number[] = [];
  while (true) {
    const next = await evaluation.next();
    if (next.done) return { result: next.value, done };
    done.push(next.value.reviews);
  }
}

Deno.test("an evaluation covers every review once, the last batch being smaller", async () => {
  const { result, done } = await evaluate({});
  assert.deepEqual(done, [4, 4, 3]);
  assert.equal(result.reviews, 11);
  assert.equal(result.tokens, toyDataset(11).tokens.length);
});

Deno.test("an evaluation keeps what the model said, in the reviews' order", async () => {
  const { outputs } = (await evaluate({ engine: new ToyEngine({ accuracies: [1, 1, 1] }) })).result;
  const { labels, tokens } = toyDataset(11);
  assert.deepEqual([...outputs.labels], [...labels]);
  assert.equal(outputs.logits.length, 22);
  labels.forEach((label, r) => assert.ok(outputs.logits[2 * r + label] > outputs.logits[2 * r + 1 - label]));
  assert.deepEqual(outputs.haltingSteps, new Uint8Array(tokens.length).fill(3));
});

Deno.test("reviews are cut to the model's longest sequence", async () => {
  const { result } = await evaluate({ modelConfig: { ...PAPER_CONFIG, vocabSize: 50, maxSeqLength: 2 } });
  assert.equal(result.tokens, 22);
});

Deno.test("the standard error of the accuracy is that of a share of n reviews", async () => {
  const { result } = await evaluate({ engine: new ToyEngine({ accuracies: [0.5, 1, 0] }) });
  assert.ok(Math.abs(result.accuracy - 6 / 11) < 1e-12);
  assert.ok(Math.abs(result.accuracyStandardError - Math.sqrt((6 / 11) * (5 / 11) / 11)) < 1e-12);
});

Deno.test("an evaluation without reviews has no accuracy instead of a wrong one", async () => {
  const { result } = await evaluate({ indices: new Uint32Array(0) });
  assert.deepEqual([result.accuracy, result.loss, result.reviews], [NaN, NaN, 0]);
});
