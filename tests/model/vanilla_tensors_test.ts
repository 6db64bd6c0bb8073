import assert from "node:assert/strict";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/model/checkpoint.ts";
import { canonicalConfig, type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { readModelConfig } from "../../src/model/config_json.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { readSafetensors } from "../../src/model/safetensors_reader.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";
import { nameRun } from "../../src/metrics/run_name.ts";
import { PAPER_RECIPES } from "../../src/train/config.ts";
import { DataError } from "../../src/errors.ts";
import { madeState } from "./made_state.ts";

const PAPER: ModelConfig = { ...PAPER_CONFIG, model: "vanilla" };
const CONFIG: ModelConfig = { ...PAPER, vocabSize: 500 };
const TABLE = tensorTable(CONFIG);
const WEIGHTS = initialWeights(CONFIG, 42);

function values(name: string): Float32Array {
  const spec = TABLE.byName.get(name);
  assert(spec);
  return tensorView(WEIGHTS, spec);
}

/** Mean and variance of a tensor within five standard errors of a law's; `kurtosis` is that of the law. */
function assertMoments(name: string, sample: Float32Array, variance: number, kurtosis: number): void {
  const mean = sample.reduce((sum, value) => sum + value / sample.length, 0);
  const squares = sample.reduce((sum, value) => sum + value * value / sample.length, 0);
  const fiveSigma = 5 / Math.sqrt(sample.length);
  assert(Math.abs(mean) <= fiveSigma * Math.sqrt(variance), `${name}: mean ${mean}`);
  assert(Math.abs(squares / variance - 1) <= fiveSigma * Math.sqrt(kurtosis - 1), `${name}: variance ${squares}`);
}

Deno.test("the vanilla model has 386,186 parameters and no buffers at the paper's sizes", () => {
  const { parameterCount, bufferCount } = tensorTable(PAPER);
  assert.deepEqual([parameterCount, bufferCount], [386_186, 0]);
});

Deno.test("the vanilla tensors have the names of spec §4, in the order of the state dict", () => {
  const block = ["ln1.weight", "ln1.bias", "attn.in_proj_weight", "attn.in_proj_bias", "attn.out_proj.weight"];
  const rest = [
    "attn.out_proj.bias",
    "ln2.weight",
    "ln2.bias",
    "ffn.0.weight",
    "ffn.0.bias",
    "ffn.3.weight",
    "ffn.3.bias",
  ];
  const blocks = Array.from({ length: 8 }, (_, i) => [...block, ...rest].map((name) => `blocks.${i}.${name}`)).flat();
  const names = ["embed.weight", ...blocks, "ln_out.weight", "ln_out.bias", "head.weight", "head.bias"];
  assert.deepEqual(TABLE.parameters.map(({ name }) => name), names);
  assert.equal(TABLE.embedding.name, "embed.weight");
});

Deno.test("the vanilla embedding is standard normal with a zero row for [PAD]", () => {
  const embedding = values("embed.weight");
  assert(embedding.subarray(0, 12).every((value) => value === 0));
  assertMoments("embed.weight", embedding.subarray(12), 1, 3);
  assert(embedding.some((value) => Math.abs(value) > 3));
});

Deno.test("the vanilla weights have the laws of spec §4", () => {
  const uniforms: readonly (readonly [name: string, bound: number])[] = [
    ["attn.in_proj_weight", Math.sqrt(6 / 48)],
    ["attn.out_proj.weight", 1 / Math.sqrt(12)],
    ["ffn.0.weight", 1 / Math.sqrt(12)],
    ["ffn.0.bias", 1 / Math.sqrt(12)],
    ["ffn.3.weight", 1 / Math.sqrt(72)],
    ["ffn.3.bias", 1 / Math.sqrt(72)],
  ];
  for (const [name, bound] of uniforms) {
    const all = Array.from({ length: 8 }, (_, i) => Array.from(values(`blocks.${i}.${name}`))).flat();
    assert(all.every((value) => Math.abs(value) <= Math.fround(bound)), name);
    assert(Math.max(...all) > 0.9 * bound && Math.min(...all) < -0.9 * bound, name);
    assertMoments(name, Float32Array.from(all), bound ** 2 / 3, 1.8);
  }
  for (
    const [name, value] of [["ln1.weight", 1], ["ln2.bias", 0], ["attn.in_proj_bias", 0], ["attn.out_proj.bias", 0]]
  ) {
    assert(values(`blocks.3.${name}`).every((found) => found === value), String(name));
  }
  assert(values("ln_out.weight").every((value) => value === 1));
});

Deno.test("a vanilla checkpoint comes back as it was saved, and its metadata holds no key of the other model", async () => {
  const config = canonicalConfig({
    ...CONFIG,
    vocabSize: 11,
    dModel: 6,
    ffnDim: 5,
    maxLayers: 2,
    numBins: 3,
    repeat: 7,
  });
  assert.equal(config.numBins, PAPER_CONFIG.numBins);
  const checkpoint = { config, state: madeState(config, 1), details: {} };
  const bytes = await encodeCheckpoint(checkpoint);
  assert.deepEqual(await decodeCheckpoint(bytes, "x"), checkpoint);
  const written = JSON.parse(readSafetensors(bytes, "x").metadata.get("config") ?? "");
  const keys = [
    "model",
    "vocabSize",
    "dModel",
    "numHeads",
    "ffnDim",
    "maxLayers",
    "numClasses",
    "dropout",
    "maxSeqLength",
  ];
  assert.deepEqual(Object.keys(written), keys);
});

Deno.test("an unknown model, and a vanilla configuration that lacks a key, are refused by name", () => {
  const { model, vocabSize, dModel, numHeads, ffnDim, maxLayers, numClasses, dropout, maxSeqLength } = CONFIG;
  const good = { model, vocabSize, dModel, numHeads, ffnDim, maxLayers, numClasses, dropout, maxSeqLength };
  assert.deepEqual(readModelConfig(good, "x"), CONFIG);
  const fails = (value: object, pattern: RegExp) =>
    assert.throws(
      () => readModelConfig(value, "x"),
      (error) => error instanceof DataError && pattern.test(error.message),
    );
  fails({ ...good, model: "lstm" }, /model "lstm", wanted "epsilon" or "vanilla"/);
  const { ffnDim: _, ...lacking } = good;
  fails(lacking, /ffnDim is missing/);
  fails({ ...good, colour: 1 }, /unknown key "colour"/);
});

Deno.test("a vanilla run's name does not depend on the keys that its model ignores", async () => {
  const name = (config: ModelConfig) =>
    nameRun({ model: config, recipe: PAPER_RECIPES.vanilla, dataSha256: "a", vocabularySha256: "b" });
  assert.match(await name(CONFIG), /^vanilla-seed42-[0-9a-f]{8}$/);
  assert.equal(await name({ ...CONFIG, numBins: 3, halting: "soft" }), await name(CONFIG));
  assert.notEqual(await name({ ...CONFIG, ffnDim: 71 }), await name(CONFIG));
});
