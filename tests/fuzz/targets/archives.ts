import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Review } from "../../../src/data/review.ts";
import { readReviews } from "../../../src/data/sources.ts";
import { type MadeEntry, madeTar } from "../../data/made_files.ts";
import type { SeededRandom } from "../../seeded_random.ts";
import { HOSTILE_TEXTS, joined, type Mutator } from "../mutate.ts";
import type { FuzzTarget } from "../target.ts";

const NAMES = [
  "train/neg/0_1.txt",
  "train/pos/0_9.txt",
  "aclImdb/train/pos/1_10.txt",
  "./train/neg/9_2.txt",
  "test/pos/3_9.txt",
  "train/pos/../../../../etc/passwd.txt",
  "/train/pos/0_1.txt",
  "train/pos/.hidden.txt",
  "train/pos/a\u001b[31m.txt",
  "x/".repeat(60),
];
/** Files, links, devices, folders, sparse and unknown types, long names and pax headers. */
const KINDS = ["0", "0", "0", "0", "\0", "1", "2", "3", "4", "5", "6", "7", "S", "L", "K", "x", "g", "V", "Z"];
const PAX = [
  "18 path=train/neg\n",
  "20 size=99999999999\n",
  "9 size=1\n",
  "0 \n",
  "999 path=x\n",
  "29 GNU.sparse.realsize=1e12\n",
];
const BLOCK = 512;
/** Places and lengths of a header's fields. */
const FIELDS = [[0, 100], [100, 8], [124, 12], [136, 12], [148, 8], [156, 1], [157, 100], [257, 8], [
  345,
  155,
]] as const;

function madeEntry(random: SeededRandom): MadeEntry {
  const kind = random.pick(KINDS);
  const content = "xgLK".includes(kind)
    ? random.pick(PAX)
    : random.pick(["", "good", "bad\n", "Grâce", ...HOSTILE_TEXTS]);
  const sizes = [0, 1, 511, 512, 513, 1 << 20, 2 ** 33 - 1];
  return {
    name: random.pick(NAMES).slice(0, 100),
    kind,
    content,
    ...random.chance(0.1) ? { size: random.pick(sizes) } : {},
  };
}

/** Breaks fields of a header, mostly with a checksum that fits again. */
function breakHeader(tar: Uint8Array<ArrayBuffer>, random: SeededRandom): void {
  const start = BLOCK * random.below(Math.floor(tar.length / BLOCK));
  const block = tar.subarray(start, start + BLOCK);
  const [place, length] = random.pick(FIELDS);
  const filler = random.pick([
    "77777777777\0",
    "-0000000001\0",
    "99999999999\0",
    "\u0080\0\0\0\0\0\0\0\0\0\0\0",
    "           8",
    "\0".repeat(12),
  ]);
  for (let i = 0; i < length; i++) block[place + i] = filler.charCodeAt(i % filler.length);
  // Base 256, all bits set: a size that no file has.
  if (place === 124 && random.chance(0.3)) block.fill(0xff, place, place + length);
  if (place === 148 || random.chance(0.2)) return;
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  for (const [i, character] of [...sum.toString(8).padStart(6, "0"), "\0", " "].entries()) {
    block[148 + i] = character.charCodeAt(0);
  }
}

function madeArchive(mutator: Mutator): Uint8Array {
  const { random } = mutator;
  const tar = madeTar(Array.from({ length: 1 + random.below(5) }, () => madeEntry(random)), random.chance(0.9));
  for (let times = random.below(3); times > 0; times--) breakHeader(tar, random);
  const cut = random.chance(0.1) ? tar.subarray(0, random.below(tar.length)) : tar;
  if (random.chance(0.2)) return cut;
  const packed = gzipSync(cut, { level: 1 });
  return random.chance(0.1) ? joined(packed, packed) : packed;
}

/** Two megabytes of zeros in two kilobytes: no bomb yet, but a thousandfold. */
function madeBomb(): Uint8Array {
  return gzipSync(new Uint8Array(2 << 20), { level: 9 });
}

const GOOD = madeTar([
  { name: "train/neg/0_1.txt", content: "bad" },
  { name: "train/pos/0_9.txt", content: "good" },
]);

const pairs = (reviews: readonly Review[]) => reviews.map(({ text, label }) => [text, label]);

export const ARCHIVES: FuzzTarget = {
  name: "archive",
  weight: 3,
  words: ["ustar", "train/pos/", ".txt", "\0", "00000000001"],
  examples: [GOOD, gzipSync(GOOD), madeBomb()],
  generate: madeArchive,
  async read(input, folder) {
    const path = join(folder, "x.tar.gz");
    Deno.writeFileSync(path, input);
    const reviews = await Array.fromAsync(readReviews(path));
    // Tables may come by the same way: an archive is what has names with folders.
    if (!reviews.every(({ name }) => name.startsWith("train/"))) return;
    const entries = reviews.map(({ text, label }, i) => ({
      name: `train/${label === 1 ? "pos" : "neg"}/${i}_5.txt`,
      content: text,
    }));
    Deno.writeFileSync(path, gzipSync(madeTar(entries), { level: 1 }));
    assert.deepEqual(pairs(await Array.fromAsync(readReviews(path))), pairs(reviews));
  },
};
