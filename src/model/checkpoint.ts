import { DataError, RunError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { checkpointChecksum, CHECKSUM_KEY } from "./checkpoint_checksum.ts";
import { applicableKeys, type ModelConfig } from "./config.ts";
import { readModelConfig } from "./config_json.ts";
import { type SafetensorsFile, type SafetensorsTensor, shownName, shownShape } from "./safetensors.ts";
import { readSafetensors, tensorValues } from "./safetensors_reader.ts";
import { asStored, type WritableTensor, writeSafetensors } from "./safetensors_writer.ts";
import type { ModelState, OptimizerState } from "./state.ts";
import { type TensorSpec, tensorTable } from "./tensors.ts";

/**
 * A trained model as one safetensors file.
 *
 * Unprefixed tensors are the published PyTorch model's state dict. With optimizer state, each parameter has two more:
 * `optimizer.first_moment.<name>` and `optimizer.second_moment.<name>`; with slabs of a training aid, named in metadata
 * `kept` (JSON), one for each: `kept.<slab>.<name>`. Metadata, all text: `format` ("epsilon"),
 * `format_version`, `config` (JSON), `vocabulary_sha256`, `position` (JSON), `optimizer_step`, `checksum`, and the details.
 */
export interface Checkpoint {
  readonly config: ModelConfig;
  /** SHA-256 (hex) of the vocabulary; absent in a file that another program wrote. */
  readonly vocabularyHash?: string;
  /** Doubles when any of a slab's stored tensors is F64, else singles. */
  readonly state: ModelState;
  /** Where training stands: a JSON value that the model does not look into. */
  readonly position?: unknown;
  /** Slabs [parameters] that a training aid keeps beside the weights, by name: small letters, digits and dots. */
  readonly kept?: Readonly<Record<string, Float32Array | Float64Array>>;
  /** More text about the run: its name, seed, data hash … Keys in snake case. */
  readonly details: Readonly<Record<string, string>>;
}

export interface DecodeOptions {
  /** The configuration for a file that does not hold one, such as a PyTorch model's. */
  readonly fallbackConfig?: ModelConfig;
}

const FORMAT = "epsilon";
const FORMAT_VERSION = "1";
const FIRST_MOMENT = "optimizer.first_moment.";
const SECOND_MOMENT = "optimizer.second_moment.";
const OWN_KEYS: ReadonlySet<string> = new Set([
  "format",
  "format_version",
  "config",
  "vocabulary_sha256",
  "position",
  "optimizer_step",
  "kept",
  CHECKSUM_KEY,
]);
const KEPT_NAME = /^[a-z]+(\.[0-9]+)?$/;
/** More slabs than any aid keeps. */
const MOST_KEPT = 100;
const DETAIL_KEY = /^[a-z][a-z0-9_]*$/;

/**
 * The bytes of a checkpoint file; the same content gives the same bytes.
 * Throws RunError when a weight or moment is not finite, RangeError for a reserved or malformed key in `details`.
 */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { config, vocabularyHash, state: { weights, optimizer }, position, kept = {}, details } = checkpoint;
  const table = tensorTable(config);
  const slices = (specs: readonly TensorSpec[], slab: Float32Array | Float64Array, prefix = ""): WritableTensor[] =>
    specs.map(({ name, shape, offset, size }) => ({
      name: `${prefix}${name}`,
      shape,
      values: slab.subarray(offset, offset + size),
    }));
  const tensors = [
    ...slices(table.parameters, weights.parameters),
    ...slices(table.buffers, weights.buffers),
    ...optimizer === undefined ? [] : [
      ...slices(table.parameters, optimizer.firstMoment, FIRST_MOMENT),
      ...slices(table.parameters, optimizer.secondMoment, SECOND_MOMENT),
    ],
    ...Object.entries(kept).flatMap(([name, slab]) => slices(table.parameters, slab, keptPrefix(name))),
  ];
  for (const { name, values } of tensors) {
    const place = firstNonFinite(values);
    if (place >= 0) {
      throw new RunError(
        `Cannot save a checkpoint: ${name} holds ${values[place]} at element ${place}`,
        "Training has diverged; resume from the last checkpoint with a lower learning rate.",
      );
    }
  }

  const metadata = new Map([["format", FORMAT], ["format_version", FORMAT_VERSION], [
    "config",
    // One order of the keys, so that equal configurations give equal bytes.
    JSON.stringify(config, applicableKeys(config)),
  ]]);
  if (vocabularyHash !== undefined) metadata.set("vocabulary_sha256", vocabularyHash);
  if (position !== undefined) metadata.set("position", JSON.stringify(position));
  if (optimizer !== undefined) metadata.set("optimizer_step", String(optimizer.step));
  if (Object.keys(kept).length > 0) metadata.set("kept", JSON.stringify(Object.keys(kept)));
  for (const [key, value] of Object.entries(details)) {
    if (OWN_KEYS.has(key) || !DETAIL_KEY.test(key)) throw new RangeError(`checkpoint detail ${shownName(key)}`);
    metadata.set(key, value);
  }
  metadata.set(CHECKSUM_KEY, await checkpointChecksum(tensors.map(asStored), metadata));
  return writeSafetensors(tensors, metadata);
}

/**
 * Reads a checkpoint file: format, checksum, configuration, and every tensor of `tensorTable(config)` exactly once with
 * its shape and finite values. A file of another program (spec §1: PyTorch's state dict) needs `fallbackConfig`.
 * Throws DataError naming `fileName` and the tensor or entry.
 */
export async function decodeCheckpoint(
  bytes: Uint8Array,
  fileName: string,
  options: DecodeOptions = {},
): Promise<Checkpoint> {
  const file = readSafetensors(bytes, fileName);
  const { metadata } = file;
  const own = metadata.get("format") === FORMAT;
  if (own) await verifyOrigin(file, fileName);
  const config = own ? readModelConfig(json(metadata, "config", fileName), fileName) : options.fallbackConfig;
  if (config === undefined) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: its metadata holds no epsilon configuration`,
      "Give the model's configuration along with a file that another program wrote.",
    );
  }
  const details = own ? [...metadata].filter(([key]) => !OWN_KEYS.has(key)) : [];
  const strange = details.find(([key]) => !DETAIL_KEY.test(key));
  if (strange !== undefined) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: metadata has the unknown key ${shownName(strange[0])}`,
      "Use the version of epsilon that wrote the file.",
    );
  }
  const tensors = new TensorReader(file, fileName);
  const table = tensorTable(config);
  const weights = {
    parameters: tensors.slab(table.parameters, table.parameterCount),
    buffers: tensors.slab(table.buffers, table.bufferCount),
  };
  let optimizer: OptimizerState | undefined;
  if (own && metadata.has("optimizer_step")) {
    optimizer = {
      firstMoment: tensors.slab(table.parameters, table.parameterCount, FIRST_MOMENT),
      secondMoment: tensors.slab(table.parameters, table.parameterCount, SECOND_MOMENT),
      step: stepCount(metadata, fileName),
    };
  }
  const names = own && metadata.has("kept") ? keptNames(json(metadata, "kept", fileName), fileName) : [];
  const kept = names.map((name) => [name, tensors.slab(table.parameters, table.parameterCount, keptPrefix(name))]);
  tensors.expectNoOthers();
  return {
    config,
    state: optimizer === undefined ? { weights } : { weights, optimizer },
    details: Object.fromEntries(details),
    ...own && metadata.has("vocabulary_sha256") ? { vocabularyHash: metadata.get("vocabulary_sha256") } : {},
    ...kept.length > 0 ? { kept: Object.fromEntries(kept) } : {},
    ...own && metadata.has("position") ? { position: json(metadata, "position", fileName) } : {},
  };
}

const keptPrefix = (name: string) => `kept.${name}.`;

function keptNames(value: unknown, fileName: string): string[] {
  const valid = Array.isArray(value) && new Set(value).size === value.length && value.length <= MOST_KEPT &&
    value.every((name) => typeof name === "string" && KEPT_NAME.test(name));
  if (valid) return value;
  throw new DataError(
    `Cannot read ${printable(fileName)}: metadata kept is ${shownName(JSON.stringify(value))}, wanted names of slabs`,
    "Use the version of epsilon that wrote the file.",
  );
}

/** Throws DataError unless `checkpoint` was trained with the vocabulary whose SHA-256 is `vocabularyHash`, or names none. */
export function requireVocabulary(checkpoint: Checkpoint, vocabularyHash: string, fileName: string): void {
  const wanted = checkpoint.vocabularyHash;
  if (wanted !== undefined && wanted !== vocabularyHash) {
    throw new DataError(
      `Cannot use ${printable(fileName)} with this vocabulary: trained with ${shownName(wanted)}, found ${
        shownName(vocabularyHash)
      }`,
      "Give the vocabulary file with which the model was trained.",
    );
  }
}

async function verifyOrigin({ tensors, metadata }: SafetensorsFile, fileName: string): Promise<void> {
  const version = metadata.get("format_version");
  if (version !== FORMAT_VERSION) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: format version ${shownName(version ?? "")}, wanted "${FORMAT_VERSION}"`,
      "Use the version of epsilon that wrote the file.",
    );
  }
  const found = metadata.get(CHECKSUM_KEY);
  const wanted = await checkpointChecksum(tensors.values(), metadata);
  if (found !== wanted) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: its content has checksum ${wanted}, its metadata says ${
        shownName(found ?? "nothing")
      }`,
      "The file is damaged; copy it again or use another checkpoint.",
    );
  }
}

function json(metadata: ReadonlyMap<string, string>, key: string, fileName: string): unknown {
  try {
    return JSON.parse(metadata.get(key) ?? "");
  } catch (cause) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: metadata ${key} is missing or no JSON`,
      "Use the version of epsilon that wrote the file.",
      { cause },
    );
  }
}

function stepCount(metadata: ReadonlyMap<string, string>, fileName: string): number {
  const text = metadata.get("optimizer_step") ?? "";
  const step = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(step)) {
    throw new DataError(
      `Cannot read ${printable(fileName)}: metadata optimizer_step is ${shownName(text)}, wanted a whole number`,
      "Use the version of epsilon that wrote the file.",
    );
  }
  return step;
}

/** Takes tensors out of a file into slabs and remembers which were taken. */
class TensorReader {
  readonly #left: Map<string, SafetensorsTensor>;
  readonly #fileName: string;

  constructor(file: SafetensorsFile, fileName: string) {
    this.#left = new Map(file.tensors);
    this.#fileName = fileName;
  }

  /** The tensors of `specs`, each under `prefix` + its name, in one slab of `count` elements. */
  slab(specs: readonly TensorSpec[], count: number, prefix = ""): Float32Array | Float64Array {
    // All shapes are checked before the slab is made, so that it is never larger than the file allows.
    const found = specs.map((spec) => this.#take(`${prefix}${spec.name}`, spec.shape));
    const slab = found.some(({ dtype }) => dtype === "F64") ? new Float64Array(count) : new Float32Array(count);
    specs.forEach((spec, i) => {
      const values = tensorValues(found[i]);
      const place = firstNonFinite(values);
      if (place >= 0) throw this.#error(`tensor ${found[i].name} holds ${values[place]} at element ${place}`);
      slab.set(values, spec.offset);
    });
    return slab;
  }

  expectNoOthers(): void {
    const [other] = this.#left.keys();
    if (other !== undefined) {
      throw this.#error(`${this.#left.size} unknown tensors, the first is ${shownName(other)}`);
    }
  }

  #take(name: string, shape: readonly number[]): SafetensorsTensor {
    const tensor = this.#left.get(name);
    if (tensor === undefined) throw this.#error(`tensor ${name} ${shownShape(shape)} is missing`);
    if (tensor.shape.length !== shape.length || tensor.shape.some((extent, i) => extent !== shape[i])) {
      throw this.#error(`tensor ${name} has shape ${shownShape(tensor.shape)}, wanted ${shownShape(shape)}`);
    }
    this.#left.delete(name);
    return tensor;
  }

  #error(details: string): DataError {
    return new DataError(
      `Cannot use the weights of ${printable(this.#fileName)}: ${details}`,
      "Use a checkpoint of this model, and with a file from another program the configuration it was trained with.",
    );
  }
}

function firstNonFinite(values: Float32Array | Float64Array): number {
  return values.findIndex((value) => !Number.isFinite(value));
}
