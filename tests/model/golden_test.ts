import assert from "node:assert/strict";
import { DataError } from "../../src/errors.ts";
import { goldenPaths, parseGolden, readGolden, tensorError, valueError } from "../../src/model/golden.ts";
import { OWN_GOLDENS } from "./golden_files.ts";

const TEXT = Deno.readTextFileSync(`${OWN_GOLDENS}/epsilon-soft-odd.json`);
const NOISY = Deno.readTextFileSync(`${OWN_GOLDENS}/epsilon-noise-state.json`);
const VANILLA = Deno.readTextFileSync(`${OWN_GOLDENS}/vanilla-odd.json`);
const TRAJECTORY = Deno.readTextFileSync(`${OWN_GOLDENS}/trajectory-exit.json`);

/** A way to break the content of a golden file. */
type Spoil = (content: Record<string, never>) => void;

const SPOILED: readonly (readonly [name: string, place: RegExp, spoil: string, spoiler: Spoil])[] = [
  ["no kind", /at kind: missing/, TEXT, (g) => delete g.kind],
  ["another kind", /at kind: wanted "epsilon" or/, TEXT, (g) => Object.assign(g, { kind: "other" })],
  [
    "another mode",
    /at halting: wanted "exit" or "soft" or "repeat-k", found "hard"/,
    TEXT,
    (g) => Object.assign(g, { halting: "hard" }),
  ],
  [
    "repeat-k without its k",
    /at config\.repeat: missing/,
    TEXT,
    (g) => Object.assign(g, { halting: "repeat-k" }),
  ],
  ["noise somewhere", /at noise\.site: wanted "embedding" or "state", found "head"/, NOISY, (g) => {
    Object.assign(g["noise"], { site: "head" });
  }],
  ["no gain", /at noise\.gain: wanted a number above 0, found 0/, NOISY, (g) => Object.assign(g["noise"], { gain: 0 })],
  ["a missing size", /at config\.d_model: missing/, TEXT, (g) => delete g["config"]["d_model"]],
  ["heads that do not divide", /at config: Cannot split/, TEXT, (g) => Object.assign(g["config"], { num_heads: 3 })],
  [
    "a size as text",
    /at config\.num_bins: wanted a finite/,
    TEXT,
    (g) => Object.assign(g["config"], { num_bins: "7" }),
  ],
  ["another size", /at params\.embedding\.weight\.shape: wanted/, TEXT, (g) => {
    Object.assign(g["config"], { vocab_size: 12 });
  }],
  [
    "a missing tensor",
    /at params\.halting_fcs\.2\.bias: missing/,
    TEXT,
    (g) => delete g["params"]["halting_fcs.2.bias"],
  ],
  ["an unknown tensor", /at params\.W_x: the model has no such/, TEXT, (g) => {
    Object.assign(g["params"], { W_x: { shape: [1], data: [1] } });
  }],
  ["a short tensor", /classification_head\.bias\.data: wanted a list of 3/, TEXT, (g) => {
    (g["params"]["classification_head.bias"]["data"] as number[]).pop();
  }],
  ["a hole in a tensor", /classification_head\.bias\.data: wanted a finite number as element 1/, TEXT, (g) => {
    Object.assign(g["params"]["classification_head.bias"]["data"], { 1: null });
  }],
  ["an id outside the vocabulary", /at input_ids\[1\]\[0\]: wanted a whole number/, TEXT, (g) => {
    Object.assign(g["input_ids"][1], { 0: 11 });
  }],
  [
    "an empty sequence",
    /at input_ids\[2\]: wanted at least one token/,
    TEXT,
    (g) => Object.assign(g["input_ids"], { 2: [] }),
  ],
  ["no sequences", /at input_ids: wanted at least one/, TEXT, (g) => Object.assign(g, { input_ids: [] })],
  ["a label too many", /at labels: wanted 4 entries, found 5/, TEXT, (g) => (g["labels"] as number[]).push(0)],
  ["a label that is no class", /at labels\[0\]: wanted a whole number from 0 to 2/, TEXT, (g) => {
    Object.assign(g["labels"], { 0: 3 });
  }],
  ["too many steps", /at expected\.halting_steps\[0\]\[3\]: wanted a whole/, TEXT, (g) => {
    Object.assign(g["expected"]["halting_steps"][0], { 3: 6 });
  }],
  ["a missing loss", /at expected\.losses\.kl: missing/, TEXT, (g) => delete g["expected"]["losses"]["kl"]],
  ["a list for an object", /at expected: wanted an object/, TEXT, (g) => Object.assign(g, { expected: [] })],
  [
    "a vanilla model without layers",
    /at config\.num_layers: missing/,
    VANILLA,
    (g) => delete g["config"]["num_layers"],
  ],
  ["a vanilla model that lacks a tensor", /at params\.blocks\.1\.ln2\.bias: missing/, VANILLA, (g) => {
    delete g["params"]["blocks.1.ln2.bias"];
  }],
  ["a gradient of another model", /at expected\.gradients\.W_x: the model has no such/, VANILLA, (g) => {
    Object.assign(g["expected"]["gradients"], { W_x: { shape: [1], data: [1] } });
  }],
  ["another optimizer", /at optimizer\.name: wanted "adamw"/, TRAJECTORY, (g) => {
    Object.assign(g["optimizer"], { name: "sgd" });
  }],
  ["steps out of order", /at expected\.steps\[1\]\.step: wanted a whole number from 1 to 1/, TRAJECTORY, (g) => {
    Object.assign(g["expected"]["steps"][1], { step: 2 });
  }],
];

for (const [name, place, text, spoil] of SPOILED) {
  Deno.test(`a golden file with ${name} is refused with file and place`, () => {
    const content = JSON.parse(text);
    spoil(content);
    assert.throws(() => parseGolden(JSON.stringify(content), "made.json"), (error) => {
      assert(error instanceof DataError, String(error));
      assert.match(error.message, /^Cannot read made\.json/);
      assert.match(error.message, place);
      return true;
    });
  });
}

Deno.test("a golden file cut off anywhere is refused as broken", () => {
  for (let length = 0; length < TRAJECTORY.length - 1; length += 997) {
    assert.throws(() => parseGolden(TRAJECTORY.slice(0, length), "cut.json"), DataError);
  }
});

Deno.test("a vanilla file gives the vanilla model with its own sizes", () => {
  const golden = parseGolden(VANILLA, "v.json");
  assert(golden.kind === "vanilla");
  const { model, dModel, numHeads, ffnDim, maxLayers, numClasses, maxSeqLength } = golden.config;
  assert.deepEqual([model, dModel, numHeads, ffnDim, maxLayers, numClasses], ["vanilla", 9, 3, 7, 3, 3]);
  assert.deepEqual([maxSeqLength, golden.sequences.length, golden.weights.buffers.length], [11, 3, 0]);
});

Deno.test("golden sizes come from the file, the longest sequence from its inputs, and dropout is off", async () => {
  const golden = await readGolden(`${OWN_GOLDENS}/epsilon-soft-odd.json`);
  assert(golden.kind === "epsilon");
  const { dModel, numHeads, numBins, maxLayers, ffnDim, numClasses, halting, dropout, maxSeqLength } = golden.config;
  assert.deepEqual([dModel, numHeads, numBins, maxLayers, ffnDim, numClasses], [10, 5, 7, 5, 18, 3]);
  assert.deepEqual([halting, dropout, maxSeqLength], ["soft", 0, 9]);
});

Deno.test("a missing file or folder is a DataError that names it", async () => {
  await assert.rejects(
    readGolden("nowhere/x.json"),
    (error) => error instanceof DataError && /nowhere/.test(error.message),
  );
  await assert.rejects(goldenPaths("nowhere"), (error) => error instanceof DataError && /nowhere/.test(error.message));
});

Deno.test("the error measure is the one of spec §6", () => {
  assert.equal(tensorError([3, 4], [3, 5], 0), 1 / Math.sqrt(34));
  assert.equal(tensorError([0, 1e-3], [0, 0], 10), 0.1);
  assert.equal(tensorError([0, 0], [0, 0], 0), 0);
  assert.equal(tensorError([0, 2], [0, 0], 0), 2);
  assert.equal(tensorError([1, NaN], [1, 1], 1), Infinity);
  assert.equal(tensorError([1], [1, 1], 1), Infinity);
  assert.equal(valueError(1.5, -1), 2.5);
  assert.equal(valueError(0.25, 0), 0.25);
  assert.equal(valueError(NaN, 1), Infinity);
});
