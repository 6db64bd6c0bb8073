import assert from "node:assert/strict";
import { DataError, UsageError } from "../../src/errors.ts";
import {
  applicableConfig,
  applicableKeys,
  type ModelConfig,
  PAPER_CONFIG,
  stepLimit,
  validateModelConfig,
  variantName,
} from "../../src/model/config.ts";
import { readModelConfig } from "../../src/model/config_json.ts";

const REPEATING: ModelConfig = { ...PAPER_CONFIG, halting: "repeat-k", repeat: 5 };

Deno.test("repeat must not exceed max-layers, and only where it bears on the model", () => {
  const wrong = { ...REPEATING, repeat: 9 };
  assert.throws(() => validateModelConfig(wrong), (error) => {
    assert(error instanceof UsageError);
    return /repeat 9, maxLayers 8/.test(error.message);
  });
  assert.equal(validateModelConfig({ ...wrong, maxLayers: 9 }).repeat, 9);
  assert.equal(validateModelConfig({ ...wrong, halting: "exit" }).halting, "exit");
  for (const repeat of [0, 2.5, NaN, 65]) {
    assert.throws(() => validateModelConfig({ ...REPEATING, repeat }), UsageError);
  }
});

Deno.test("files hold the keys that bear on the model, and what they hold reads back", () => {
  assert.equal(applicableKeys(PAPER_CONFIG).includes("repeat"), false);
  assert.deepEqual(readModelConfig(applicableConfig(REPEATING), "x"), REPEATING);
  assert.deepEqual(readModelConfig(applicableConfig({ ...PAPER_CONFIG, repeat: 5 }), "x"), PAPER_CONFIG);
  assert.throws(() => readModelConfig({ ...applicableConfig(PAPER_CONFIG), halting: "repeat-k" }, "x"), (error) => {
    assert(error instanceof DataError);
    return /repeat is missing/.test(error.message);
  });
});

Deno.test("a variant's name tells mode and k, and the step limit is k or L", () => {
  assert.deepEqual([PAPER_CONFIG, REPEATING].map(variantName), ["epsilon-exit", "epsilon-repeat-5"]);
  assert.deepEqual([PAPER_CONFIG, REPEATING].map(stepLimit), [8, 5]);
});
