import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decodePrepared, encodePrepared, type PreparedData } from "../../../src/data/prepared_file.ts";
import { joined, type Mutator } from "../mutate.ts";
import type { FuzzTarget } from "../target.ts";

const KEY = "key";
const CHECKSUM = 32;

function made(vocabularySize: number): PreparedData {
  const dataset = {
    tokens: Int32Array.of(2, 5, 3, 2, 3, 2, 9, 9, 3),
    offsets: Uint32Array.of(0, 3, 5, 9),
    labels: Uint8Array.of(0, 1, 1),
    names: ["train/neg/0_1.txt", "train/pos/0_9.txt", "line 3"],
    dataHash: "1".repeat(64),
    vocabularyHash: "2".repeat(64),
    vocabularySize,
  };
  return { dataset, replaced: 1 };
}

const EXAMPLES = [made(12), made(70_000)].map((data) => joined(...encodePrepared(data, KEY)));

/** Breaks what stands before the checksum and makes the checksum fit again. */
function generate(mutator: Mutator): Uint8Array {
  const bytes = mutator.random.pick(EXAMPLES);
  const body = mutator.mutate(bytes.subarray(0, bytes.length - CHECKSUM));
  return joined(body, createHash("sha256").update(body).digest());
}

export const PREPARED_FILES: FuzzTarget = {
  name: "prepared",
  weight: 6,
  words: ["EPSPREP\n", '"reviews":', '"tokens":', '"key":"key"', "0", "4294967295", "}"],
  examples: EXAMPLES,
  generate,
  read(input) {
    const prepared = decodePrepared(input, KEY);
    assert.deepEqual(decodePrepared(joined(...encodePrepared(prepared, KEY)), KEY), prepared);
    return Promise.resolve();
  },
};
