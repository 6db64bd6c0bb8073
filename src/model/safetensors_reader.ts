import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import {
  DTYPE_BYTES,
  type SafetensorsDtype,
  type SafetensorsFile,
  type SafetensorsTensor,
  shownName,
  shownShape,
} from "./safetensors.ts";
import { type HeaderEntry, parseSafetensorsHeader } from "./safetensors_header.ts";

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 100_000_000;

/**
 * Reads a safetensors file strictly: header within bounds, no duplicate keys, only F64, F32, F16 and BF16, bytes that
 * match shapes, no overlap, hole or trailing byte. The tensors are views into `bytes`; nothing larger is allocated.
 * Throws DataError naming `fileName` and the place.
 */
export function readSafetensors(bytes: Uint8Array, fileName: string): SafetensorsFile {
  const fail = (details: string) =>
    new DataError(
      `Cannot read ${printable(fileName)}: ${details}`,
      "The file is damaged, cut short or no safetensors file; save or download it again.",
    );
  if (bytes.length < LENGTH_BYTES) {
    throw fail(`wanted at least ${LENGTH_BYTES} bytes of header length, found ${bytes.length}`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MOST_HEADER_BYTES) throw fail(`header of ${length} bytes, at most ${MOST_HEADER_BYTES} are allowed`);
  const dataStart = LENGTH_BYTES + Number(length);
  if (dataStart > bytes.length) throw fail(`header ends at byte ${dataStart}, the file at byte ${bytes.length}`);

  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(LENGTH_BYTES, dataStart));
  } catch {
    throw fail("header is not UTF-8");
  }
  const header = parseSafetensorsHeader(text, fileName);
  const data = bytes.subarray(dataStart);
  const tensors = new Map<string, SafetensorsTensor>();
  let end = 0;
  for (const entry of header.entries.toSorted((a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1])) {
    const tensor = locate(entry, end, data, fail);
    tensors.set(tensor.name, tensor);
    end = entry.offsets[1];
  }
  if (end !== data.length) throw fail(`tensors end at byte ${dataStart + end}, the file at byte ${bytes.length}`);
  return { metadata: header.metadata, tensors };
}

function locate(
  { name, dtype, shape, offsets: [begin, end] }: HeaderEntry,
  previousEnd: number,
  data: Uint8Array,
  fail: (details: string) => DataError,
): SafetensorsTensor {
  const tensor = `tensor ${shownName(name)}`;
  if (!isReadableDtype(dtype)) {
    throw fail(`${tensor} has dtype ${shownName(dtype)}, wanted ${Object.keys(DTYPE_BYTES).join(", ")}`);
  }
  const size = shape.reduce((product, extent) => product * extent, DTYPE_BYTES[dtype]);
  if (end - begin !== size) {
    throw fail(
      `${tensor} takes bytes ${begin} to ${end}, its shape ${shownShape(shape)} of ${dtype} wants ${size} bytes`,
    );
  }
  if (begin !== previousEnd) {
    const fault = begin < previousEnd ? "overlaps the one before" : "leaves a hole before it";
    throw fail(`${tensor} ${fault}: begins at byte ${begin}, wanted ${previousEnd}`);
  }
  if (end > data.length) throw fail(`${tensor} ends at byte ${end} of the data, which has ${data.length}`);
  return { name, dtype, shape, bytes: data.subarray(begin, end) };
}

function isReadableDtype(dtype: string): dtype is SafetensorsDtype {
  return Object.hasOwn(DTYPE_BYTES, dtype);
}

/** A tensor's elements, row-major: F64 as doubles, all others as singles; every stored value is kept exactly. */
export function tensorValues(tensor: SafetensorsTensor): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  // A copy, since a view of wider elements needs an aligned start that a file does not promise.
  const buffer = tensor.bytes.slice().buffer as ArrayBuffer;
  switch (tensor.dtype) {
    case "F64":
      return new Float64Array(buffer);
    case "F32":
      return new Float32Array(buffer);
    case "F16":
      return Float32Array.from(new Float16Array(buffer));
    case "BF16": {
      const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
  }
}
