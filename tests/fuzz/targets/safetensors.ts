import assert from "node:assert/strict";
import { decodeCheckpoint, encodeCheckpoint } from "../../../src/model/checkpoint.ts";
import { checkpointChecksum, CHECKSUM_KEY } from "../../../src/model/checkpoint_checksum.ts";
import { readSafetensors } from "../../../src/model/safetensors_reader.ts";
import { madeState, SMALL_CONFIG } from "../../model/made_state.ts";
import { joined, type Mutator } from "../mutate.ts";
import type { FuzzTarget } from "../target.ts";

const LENGTH_BYTES = 8;

/** Checkpoints with and without an optimizer's state. */
export const CHECKPOINTS: readonly Uint8Array<ArrayBuffer>[] = await Promise.all([true, false].map((whole) => {
  const { weights, optimizer } = madeState(SMALL_CONFIG, 3);
  return encodeCheckpoint({
    config: SMALL_CONFIG,
    vocabularyHash: "ab".repeat(32),
    state: whole ? { weights, optimizer } : { weights },
    position: { step: 7, epoch: 1 },
    details: { run: "first", seed: "42" },
  });
}));

/** Changes the header and mends its length; half of the time the checksum too, so that what lies behind it is met. */
async function generate(mutator: Mutator): Promise<Uint8Array> {
  const { random } = mutator;
  const bytes = random.pick(CHECKPOINTS);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)));
  const changed = mutator.mutateJson(header);
  const data = random.chance(0.3)
    ? mutator.mutate(bytes.subarray(LENGTH_BYTES + length))
    : bytes.subarray(LENGTH_BYTES + length);
  const file = withHeader(changed, data);
  return random.chance(0.5) ? file : await withChecksum(file, changed, data);
}

function withHeader(header: unknown, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(LENGTH_BYTES);
  new DataView(start.buffer).setBigUint64(0, BigInt(json.length), true);
  return joined(start, json, data);
}

async function withChecksum(file: Uint8Array, header: unknown, data: Uint8Array): Promise<Uint8Array> {
  try {
    const { metadata, tensors } = readSafetensors(file, "x");
    const checksum = await checkpointChecksum(tensors.values(), metadata);
    const { __metadata__, ...rest } = header as Record<string, Record<string, string>>;
    return withHeader({ __metadata__: { ...__metadata__, [CHECKSUM_KEY]: checksum }, ...rest }, data);
  } catch {
    return file;
  }
}

export const SAFETENSORS: FuzzTarget = {
  name: "safetensors",
  weight: 4,
  words: [
    '"dtype"',
    '"F32"',
    '"F64"',
    '"BF16"',
    '"shape"',
    '"data_offsets"',
    "__metadata__",
    "checksum",
    '"config"',
    "[",
    "{",
    ",",
  ],
  examples: CHECKPOINTS,
  generate,
  async read(input) {
    const checkpoint = await decodeCheckpoint(input, "x.safetensors", { fallbackConfig: SMALL_CONFIG });
    const again = await decodeCheckpoint(await encodeCheckpoint(checkpoint), "x.safetensors");
    assert.deepEqual(again, checkpoint);
  },
};
