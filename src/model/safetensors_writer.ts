import { DTYPE_BYTES, METADATA_KEY, type SafetensorsTensor, shownName } from "./safetensors.ts";

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;

/** A tensor to be written: elements row-major, F64 for doubles, F32 for singles. */
export interface WritableTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

/** The tensor as it will lie in a file: a view of its values, which all supported platforms hold in little-endian. */
export function asStored({ name, shape, values }: WritableTensor): SafetensorsTensor {
  return {
    name,
    dtype: values instanceof Float64Array ? "F64" : "F32",
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/**
 * The bytes of a safetensors file. Tensors keep their order except that doubles come before singles, metadata is sorted
 * by key, and the header is padded with spaces, so that every element is aligned and the same content gives the same
 * bytes. Throws RangeError when a name is used twice or a shape does not match its values.
 */
export function writeSafetensors(
  tensors: readonly WritableTensor[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const stored = tensors.map(asStored).toSorted((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const header: [string, unknown][] = [];
  if (metadata.size > 0) header.push([METADATA_KEY, Object.fromEntries([...metadata].toSorted(byKey))]);
  const names = new Set<string>([METADATA_KEY]);
  let end = 0;
  for (const { name, dtype, shape, bytes } of stored) {
    if (names.has(name)) throw new RangeError(`tensor name used twice or reserved: ${shownName(name)}`);
    names.add(name);
    if (shape.reduce((product, extent) => product * extent, DTYPE_BYTES[dtype]) !== bytes.length) {
      throw new RangeError(`shape does not match the values of tensor ${shownName(name)}`);
    }
    header.push([name, { dtype, shape, data_offsets: [end, end + bytes.length] }]);
    end += bytes.length;
  }
  const json = new TextEncoder().encode(`{${header.map(([key, value]) => member(key, value)).join(",")}}`);
  const headerLength = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(LENGTH_BYTES + headerLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(json, LENGTH_BYTES);
  file.fill(" ".charCodeAt(0), LENGTH_BYTES + json.length, LENGTH_BYTES + headerLength);
  let place = LENGTH_BYTES + headerLength;
  for (const { bytes } of stored) {
    file.set(bytes, place);
    place += bytes.length;
  }
  return file;
}

/** Written by hand because an object's own order puts names that look like numbers first. */
function member(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}

function byKey([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
