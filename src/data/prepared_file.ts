/**
 * The file of prepared data: magic, version (u32), length of the header (u32), header (JSON), then offsets (u32),
 * tokens (u16 where the vocabulary allows, else i32), labels (u8) and names (UTF-8, one a line), each section beginning
 * at a multiple of 8 bytes, at the end SHA-256 of all before. Numbers are little-endian.
 */
import { createHash } from "node:crypto";
import { DataError } from "../errors.ts";
import type { TokenizedDataset } from "./dataset.ts";

/** A dataset and what must be said again about its source whenever it is used. */
export interface PreparedData {
  readonly dataset: TokenizedDataset;
  /** Places that were not UTF-8. */
  readonly replaced: number;
}

interface Header {
  readonly key: string;
  readonly reviews: number;
  readonly tokens: number;
  readonly dataHash: string;
  readonly vocabularyHash: string;
  readonly vocabularySize: number;
  readonly replaced: number;
}

/** Part of every key, so that a change of the format or of what is stored never meets an older file. */
export const PREPARED_VERSION = 1;

const MAGIC = new TextEncoder().encode("EPSPREP\n");
const FIXED = MAGIC.length + 8;
const CHECKSUM = 32;

const align = (length: number): number => Math.ceil(length / 8) * 8;
const narrow = (vocabularySize: number): boolean => vocabularySize <= 65_536;

/** The pieces of the file for `prepared`; `key` is what it will be looked up by. */
export function* encodePrepared({ dataset, replaced }: PreparedData, key: string): Generator<Uint8Array> {
  const { tokens, offsets, labels, names, dataHash, vocabularyHash, vocabularySize } = dataset;
  const header: Header = {
    key,
    reviews: labels.length,
    tokens: tokens.length,
    dataHash,
    vocabularyHash,
    vocabularySize,
    replaced,
  };
  const json = padded(new TextEncoder().encode(JSON.stringify(header)), " ");
  const start = new Uint8Array(FIXED);
  start.set(MAGIC);
  new DataView(start.buffer).setUint32(MAGIC.length, PREPARED_VERSION, true);
  new DataView(start.buffer).setUint32(MAGIC.length + 4, json.length, true);
  const ids = narrow(vocabularySize) ? new Uint16Array(tokens) : tokens;
  const hash = createHash("sha256");
  for (
    const section of [start, json, bytesOf(offsets), bytesOf(ids), labels, new TextEncoder().encode(names.join("\n"))]
  ) {
    const piece = padded(section, "\0");
    hash.update(piece);
    yield piece;
  }
  yield hash.digest();
}

/**
 * Reads back what `encodePrepared` wrote for `key`. Throws DataError when anything about it is not as written; the caller
 * then prepares the data anew.
 */
export function decodePrepared(bytes: Uint8Array<ArrayBuffer>, key: string): PreparedData {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FIXED + CHECKSUM || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw damaged("it is another file");
  }
  const end = bytes.length - CHECKSUM;
  const checksum = createHash("sha256").update(bytes.subarray(0, end)).digest();
  if (!checksum.every((byte, i) => bytes[end + i] === byte)) throw damaged("its checksum differs");
  const version = view.getUint32(MAGIC.length, true);
  if (version !== PREPARED_VERSION) throw damaged(`its version is ${version}, wanted ${PREPARED_VERSION}`);
  const dataStart = FIXED + view.getUint32(MAGIC.length + 4, true);
  if (dataStart > end) throw damaged("its header is too long");
  const header = parseHeader(bytes.subarray(FIXED, dataStart));
  if (header.key !== key) throw damaged("it belongs to other data");
  const { reviews, tokens: tokenCount, vocabularySize, dataHash, vocabularyHash } = header;
  const sections = new SectionReader(bytes.subarray(0, end), dataStart);
  const offsets = new Uint32Array(sections.take(4 * (reviews + 1)).buffer);
  const ids = sections.take((narrow(vocabularySize) ? 2 : 4) * tokenCount);
  const tokens = narrow(vocabularySize) ? new Int32Array(new Uint16Array(ids.buffer)) : new Int32Array(ids.buffer);
  const labels = sections.take(reviews);
  const names = new TextDecoder().decode(sections.rest()).replace(/\0+$/, "").split("\n");
  const dataset = { tokens, offsets, labels, names, dataHash, vocabularyHash, vocabularySize };
  checkDataset(dataset, header);
  return { dataset, replaced: header.replaced };
}

class SectionReader {
  constructor(readonly bytes: Uint8Array<ArrayBuffer>, private place: number) {}

  /** A copy of the next section, which has `length` bytes, so that it is aligned and keeps no larger buffer alive. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.place + align(length) > this.bytes.length) throw damaged("a section is too short");
    const section = this.bytes.slice(this.place, this.place + length);
    this.place += align(length);
    return section;
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.place);
  }
}

function parseHeader(bytes: Uint8Array): Header {
  let header: Partial<Record<keyof Header, unknown>>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    throw damaged("its header is broken");
  }
  const count = (key: keyof Header): number => {
    const value = header[key];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw damaged(`its header has no ${key}`);
  };
  const text = (key: keyof Header): string => {
    const value = header[key];
    if (typeof value === "string") return value;
    throw damaged(`its header has no ${key}`);
  };
  return {
    key: text("key"),
    reviews: count("reviews"),
    tokens: count("tokens"),
    dataHash: text("dataHash"),
    vocabularyHash: text("vocabularyHash"),
    vocabularySize: count("vocabularySize"),
    replaced: count("replaced"),
  };
}

function checkDataset({ tokens, offsets, labels, names, vocabularySize }: TokenizedDataset, header: Header): void {
  const { reviews } = header;
  if (names.length !== reviews) throw damaged(`it has ${names.length} names for ${reviews} reviews`);
  if (offsets[0] !== 0 || offsets[reviews] !== tokens.length) throw damaged("its offsets do not cover its tokens");
  for (let r = 0; r < reviews; r++) {
    if (offsets[r + 1] < offsets[r] + 2 || labels[r] > 1) throw damaged(`review ${r} is broken`);
  }
  let largest = -1;
  // A plain loop: an iterator would take ten times as long. As unsigned numbers, negative ids are large.
  for (let i = 0; i < tokens.length; i++) largest = Math.max(largest, tokens[i] >>> 0);
  if (largest >= vocabularySize) throw damaged(`token id ${largest} is outside the vocabulary`);
}

function padded(bytes: Uint8Array, filler: " " | "\0"): Uint8Array {
  const length = align(bytes.length);
  if (length === bytes.length) return bytes;
  const whole = new Uint8Array(length).fill(filler.charCodeAt(0));
  whole.set(bytes);
  return whole;
}

function bytesOf(array: Uint32Array | Uint16Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function damaged(cause: string): DataError {
  return new DataError(`Cannot use the prepared data: ${cause}`, "They are prepared anew from their source.");
}
