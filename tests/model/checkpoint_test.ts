import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError, RunError } from "../../src/errors.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, requireVocabulary } from "../../src/model/checkpoint.ts";
import { checkpointChecksum } from "../../src/model/checkpoint_checksum.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { readSafetensors, tensorValues } from "../../src/model/safetensors_reader.ts";
import { type WritableTensor, writeSafetensors } from "../../src/model/safetensors_writer.ts";
import { tensorTable, tensorView } from "../../src/model/tensors.ts";
import { madeState, SMALL_CONFIG } from "./made_state.ts";

const FULL: Checkpoint = {
  config: SMALL_CONFIG,
  vocabularyHash: "ab".repeat(32),
  state: madeState(SMALL_CONFIG, 1),
  position: { step: 7, epoch: 1, sums: { loss: 0.1 } },
  details: { run: 'näme, with "quotes"', seed: "42" },
};

const STATE_DICT: readonly WritableTensor[] = (() => {
  const table = tensorTable(SMALL_CONFIG);
  return [...table.parameters, ...table.buffers].map((spec) => ({
    name: spec.name,
    shape: spec.shape,
    values: tensorView(FULL.state.weights, spec),
  }));
})();

function rejectsWith(work: Promise<unknown>, ...places: RegExp[]): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof DataError, String(error));
    for (const place of places) assert.match(error.message, place);
    assert.ok(error.hint.length > 0);
    return true;
  });
}

Deno.test("a checkpoint comes back as it was saved, and the same content gives the same bytes", async () => {
  const bytes = await encodeCheckpoint(FULL);
  assert.deepEqual(await decodeCheckpoint(bytes, "x"), FULL);
  const reordered = Object.fromEntries(Object.entries(SMALL_CONFIG).toReversed()) as unknown as typeof SMALL_CONFIG;
  assert.deepEqual(await encodeCheckpoint({ ...FULL, config: reordered }), bytes);
});

Deno.test("a checkpoint without optimizer, position and vocabulary comes back without them", async () => {
  const bare: Checkpoint = { config: SMALL_CONFIG, state: { weights: FULL.state.weights }, details: {} };
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(bare), "x"), bare);
});

Deno.test("doubles stay doubles, so that a float64 run resumes exactly", async () => {
  const { weights } = FULL.state;
  const state = {
    weights: { parameters: Float64Array.from(weights.parameters, (x) => x + 1e-12), buffers: weights.buffers },
  };
  const decoded = await decodeCheckpoint(await encodeCheckpoint({ ...FULL, state }), "x");
  assert.deepEqual(decoded.state, state);
});

Deno.test("slabs that a training aid keeps come back by their names, and bad names are refused", async () => {
  const { parameters } = FULL.state.weights;
  const kept = { anchor: parameters, "direction.0": Float64Array.from(parameters, (x) => x / 3) };
  const bytes = await encodeCheckpoint({ ...FULL, kept });
  assert.deepEqual(await decodeCheckpoint(bytes, "x"), { ...FULL, kept });
  const { tensors, metadata } = readSafetensors(bytes, "x");
  const stored = [...tensors.values()].map((tensor) => ({ ...tensor, values: tensorValues(tensor) }));
  for (const names of ['["anchor"]', '["anchor","direction.0","direction.1"]', '["a","a"]', '["../x"]', "7", "{}"]) {
    const changed = new Map([...metadata].filter(([key]) => key !== "checksum")).set("kept", names);
    changed.set("checksum", await checkpointChecksum(tensors.values(), changed));
    await rejectsWith(decodeCheckpoint(writeSafetensors(stored, changed), "x"), /kept/);
  }
});

Deno.test("a checkpoint's unprefixed tensors are exactly the state dict", async () => {
  const { tensors } = readSafetensors(await encodeCheckpoint(FULL), "x");
  const unprefixed = [...tensors.values()].filter(({ name }) => !name.startsWith("optimizer."));
  assert.deepEqual(
    unprefixed.map((tensor) => ({ name: tensor.name, shape: tensor.shape, values: tensorValues(tensor) })),
    STATE_DICT,
  );
});

Deno.test("another program's state dict is read with a configuration and refused without", async () => {
  const bytes = writeSafetensors(STATE_DICT.toReversed(), new Map([["format", "pt"]]));
  const decoded = await decodeCheckpoint(bytes, "x", { fallbackConfig: SMALL_CONFIG });
  assert.deepEqual(decoded, { config: SMALL_CONFIG, state: { weights: FULL.state.weights }, details: {} });
  await rejectsWith(decodeCheckpoint(bytes, "torch.safetensors"), /torch\.safetensors/, /no epsilon configuration/);
});

Deno.test("a checkpoint that another program saved again in another order keeps its checksum", async () => {
  const { tensors, metadata } = readSafetensors(await encodeCheckpoint(FULL), "x");
  const again = [...tensors.values()].toReversed().map((tensor) => ({ ...tensor, values: tensorValues(tensor) }));
  assert.deepEqual(await decodeCheckpoint(writeSafetensors(again, metadata), "x"), FULL);
});

function changed(change: (tensors: Map<string, WritableTensor>) => void): Promise<Checkpoint> {
  const tensors = new Map(STATE_DICT.map((tensor) => [tensor.name, tensor]));
  change(tensors);
  const bytes = writeSafetensors([...tensors.values()], new Map());
  return decodeCheckpoint(bytes, "f.safetensors", { fallbackConfig: SMALL_CONFIG });
}

Deno.test("missing, unknown, misshapen and non-finite tensors are refused by name", async () => {
  await rejectsWith(
    changed((tensors) => tensors.delete("halting_fcs.1.bias")),
    /halting_fcs\.1\.bias \[1\] is missing/,
  );
  await rejectsWith(
    changed((tensors) => tensors.set("extra", { name: "extra", shape: [0], values: new Float32Array(0) })),
    /1 unknown tensors, the first is "extra"/,
  );
  const name = "embedding.weight";
  await rejectsWith(
    changed((tensors) => tensors.set(name, { name, shape: [12, 6], values: new Float32Array(72) })),
    /f\.safetensors/,
    /embedding\.weight has shape \[12 × 6\], wanted \[11 × 6\]/,
  );
  for (const bad of [NaN, Infinity, -Infinity]) {
    const values = new Float32Array(66);
    values[13] = bad;
    await rejectsWith(
      changed((tensors) => tensors.set(name, { name, shape: [11, 6], values })),
      new RegExp(`embedding\\.weight holds ${bad} at element 13`),
    );
  }
});

Deno.test("weights that are not finite are not saved", async () => {
  const state = madeState(SMALL_CONFIG, 2);
  state.optimizer.secondMoment[0] = Infinity;
  await assert.rejects(encodeCheckpoint({ ...FULL, state }), (error) => {
    assert.ok(error instanceof RunError);
    assert.match(error.message, /optimizer\.second_moment\.embedding\.weight holds Infinity at element 0/);
    return true;
  });
});

Deno.test("metadata of another version, without checksum or with a bad configuration is refused", async () => {
  const { metadata } = readSafetensors(
    await encodeCheckpoint({ ...FULL, state: { weights: FULL.state.weights } }),
    "x",
  );
  const withMetadata = (change: (entries: Map<string, string>) => void) => {
    const entries = new Map(metadata);
    change(entries);
    return decodeCheckpoint(writeSafetensors(STATE_DICT, entries), "x");
  };
  await withMetadata(() => {});
  await rejectsWith(withMetadata((entries) => entries.set("format_version", "2")), /format version "2", wanted "1"/);
  await rejectsWith(withMetadata((entries) => entries.delete("checksum")), /checksum/);
  await rejectsWith(withMetadata((entries) => entries.set("seed", "43")), /checksum/);
  // No checkpoint of epsilon's has such a key, and none could be written again with it.
  const strange = new Map(metadata).set("Not a key", "x");
  const { tensors } = readSafetensors(writeSafetensors(STATE_DICT, strange), "x");
  strange.set("checksum", await checkpointChecksum(tensors.values(), strange));
  await rejectsWith(decodeCheckpoint(writeSafetensors(STATE_DICT, strange), "x"), /unknown key "Not a key"/);
});

Deno.test("a configuration in a checkpoint is read strictly", async () => {
  const withConfig = async (config: Record<string, unknown>) => {
    const metadata = new Map([["format", "epsilon"], ["format_version", "1"], ["config", JSON.stringify(config)]]);
    metadata.set(
      "checksum",
      await checkpointChecksum(readSafetensors(writeSafetensors(STATE_DICT, metadata), "x").tensors.values(), metadata),
    );
    return decodeCheckpoint(writeSafetensors(STATE_DICT, metadata), "x");
  };
  await withConfig({ ...SMALL_CONFIG });
  await rejectsWith(withConfig({ ...SMALL_CONFIG, dModel: "6" }), /dModel is no number/);
  await rejectsWith(withConfig({ ...SMALL_CONFIG, dModel: undefined }), /dModel is missing/);
  await rejectsWith(withConfig({ ...SMALL_CONFIG, dModel: 5 }), /dModel 5, numHeads 2/);
  await rejectsWith(withConfig({ ...SMALL_CONFIG, maxLayers: 1e9 }), /maxLayers/);
  await rejectsWith(withConfig({ ...SMALL_CONFIG, halting: "never" }), /halting "never"/);
  await rejectsWith(withConfig({ ...SMALL_CONFIG, colour: 1 }), /unknown key "colour"/);
  await rejectsWith(
    withConfig({ ...SMALL_CONFIG, vocabSize: 16_777_216, dModel: 1024 }),
    /embedding\.weight has shape/,
  );
});

Deno.test("no change of bytes gives other weights, only the same content or a DataError", async () => {
  const original = await encodeCheckpoint(FULL);
  const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(changes, async (changes) => {
      const bytes = original.slice();
      for (const [place, mask] of changes) bytes[place] ^= mask;
      try {
        assert.deepEqual(await decodeCheckpoint(bytes, "x"), FULL);
      } catch (error) {
        assert.ok(error instanceof DataError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("a checkpoint cut at any length is a DataError", async () => {
  const bytes = await encodeCheckpoint(FULL);
  for (let length = 0; length < bytes.length; length += 97) {
    await rejectsWith(decodeCheckpoint(bytes.subarray(0, length), "cut"), /cut/);
  }
});

Deno.test("a checkpoint of another vocabulary is refused with both hashes", () => {
  requireVocabulary(FULL, "ab".repeat(32), "x");
  requireVocabulary({ ...FULL, vocabularyHash: undefined }, "cd".repeat(32), "x");
  assert.throws(() => requireVocabulary(FULL, "cd".repeat(32), "x.safetensors"), (error) => {
    assert.ok(error instanceof DataError);
    assert.match(error.message, /x\.safetensors.*abab.*cdcd/);
    return true;
  });
});

Deno.test("a checkpoint is loaded from a file, or from a run folder best first", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await rejectsWith(loadCheckpoint(`${folder}/none`), /no such file or folder/);
    await rejectsWith(loadCheckpoint(folder), /no best\.safetensors or last\.safetensors/);
    await Deno.writeFile(`${folder}/last.safetensors`, await encodeCheckpoint(FULL));
    assert.deepEqual((await loadCheckpoint(folder)).checkpoint, FULL);
    await rejectsWith(loadCheckpoint(folder, { prefer: "best" }), /no best\.safetensors/);
    const best = { ...FULL, details: { which: "best" } };
    await Deno.writeFile(`${folder}/best.safetensors`, await encodeCheckpoint(best));
    assert.deepEqual((await loadCheckpoint(`${folder}/`)).checkpoint, best);
    assert.deepEqual((await loadCheckpoint(folder, { prefer: "last" })).checkpoint, FULL);
    assert.deepEqual((await loadCheckpoint(`${folder}/last.safetensors`)).checkpoint, FULL);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a checkpoint path that is a device is refused", { ignore: Deno.build.os === "windows" }, async () => {
  await rejectsWith(loadCheckpoint("/dev/zero"), /not a file/);
});
