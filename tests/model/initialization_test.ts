import assert from "node:assert/strict";
import { type ModelConfig, PAPER_CONFIG } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/initialization.ts";
import { type TensorSpec, tensorTable, tensorView } from "../../src/model/tensors.ts";

const CONFIG: ModelConfig = { ...PAPER_CONFIG, vocabSize: 500 };
const TABLE = tensorTable(CONFIG);
const WEIGHTS = initialWeights(CONFIG, 42);

function values(spec: TensorSpec | undefined): Float32Array {
  assert(spec);
  return tensorView(WEIGHTS, spec);
}

Deno.test("uniform laws stay within their bounds, nearly reach them and have the right mean and variance", () => {
  for (const spec of TABLE.parameters) {
    const { law, name } = spec;
    if (law.kind !== "xavier" && law.kind !== "uniform") continue;
    const filled = name === "embedding.weight" ? values(spec).subarray(CONFIG.dModel) : values(spec);
    assert(filled.every((value) => Math.abs(value) <= Math.fround(law.bound)), name);
    if (filled.length < 100) continue;
    const mean = filled.reduce((sum, value) => sum + value / filled.length, 0);
    const variance = filled.reduce((sum, value) => sum + value * value / filled.length, 0);
    const wanted = law.bound ** 2 / 3;
    const fiveSigma = 5 / Math.sqrt(filled.length);
    assert(Math.abs(mean) <= fiveSigma * Math.sqrt(wanted), `${name}: mean ${mean}`);
    assert(Math.abs(variance / wanted - 1) <= fiveSigma * Math.sqrt(0.8), `${name}: variance ${variance}`);
    assert(Math.max(...filled) > 0.9 * law.bound && Math.min(...filled) < -0.9 * law.bound, name);
  }
});

Deno.test("bounds are those of spec §2", () => {
  const bound = (name: string) => {
    const law = TABLE.byName.get(name)?.law;
    return law?.kind === "xavier" || law?.kind === "uniform" ? law.bound : NaN;
  };
  const attention = "epsilon_block.attention";
  assert.equal(bound("embedding.weight"), Math.sqrt(6 / 512));
  assert.equal(bound(`${attention}.prototypes`), Math.sqrt(6 / (16 * 8 + 2 * 8)));
  assert.equal(bound(`${attention}.W_bin.weight`), Math.sqrt(6 / (8 + 6)));
  assert.equal(bound("epsilon_block.ffn.linear1.weight_orig"), Math.sqrt(6 / 84));
  assert.equal(bound("epsilon_block.ffn.linear2.bias"), 1 / Math.sqrt(72));
  assert.equal(bound("halting_fcs.7.weight"), Math.sqrt(6 / 13));
  assert.equal(bound("halting_fcs.7.bias"), 1 / Math.sqrt(12));
});

Deno.test("the row of [PAD] is zero and the next is not", () => {
  const embedding = values(TABLE.byName.get("embedding.weight"));
  assert(embedding.subarray(0, 12).every((value) => value === 0));
  assert(embedding.subarray(12, 24).every((value) => value !== 0));
});

Deno.test("u and v have unit length and constants their value", () => {
  for (const spec of TABLE.buffers) {
    const length = Math.hypot(...values(spec));
    assert(Math.abs(length - 1) <= 1e-6, `${spec.name}: ${length}`);
  }
  for (const [name, value] of [["norm1.gamma", 1], ["norm2.beta", 0], ["attention.log_tau", 0]] as const) {
    assert(values(TABLE.byName.get(`epsilon_block.${name}`)).every((found) => found === value), name);
  }
});

Deno.test("the same seed gives the same weights, another seed others, and no two tensors the same stream", () => {
  assert.deepEqual(initialWeights(CONFIG, 42), WEIGHTS);
  assert.notDeepEqual(initialWeights(CONFIG, 43).parameters, WEIGHTS.parameters);
  const shares = TABLE.parameters.flatMap((spec) => {
    const { law } = spec;
    if (spec.name === "embedding.weight" || (law.kind !== "xavier" && law.kind !== "uniform")) return [];
    return [(values(spec)[0] / law.bound).toFixed(5)];
  });
  assert.equal(new Set(shares).size, shares.length);
});

Deno.test("a tensor's values do not depend on the sizes of the tensors before it", () => {
  const other = { ...CONFIG, vocabSize: 77 };
  const spec = tensorTable(other).byName.get("epsilon_block.attention.W_q.weight");
  assert(spec);
  const found = tensorView(initialWeights(other, 42), spec);
  assert.deepEqual(found, values(TABLE.byName.get("epsilon_block.attention.W_q.weight")));
});
