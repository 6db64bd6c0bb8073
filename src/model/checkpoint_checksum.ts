import type { SafetensorsTensor } from "./safetensors.ts";

/** The metadata entry that holds the checksum and is not part of it. */
export const CHECKSUM_KEY = "checksum";

/**
 * SHA-256 (hex) over a checkpoint's content, whatever the order in which it lies in the file:
 * for each tensor by name (UTF-16 order) the line `["name","dtype",[shape]]\n` followed by its bytes, then for each
 * metadata entry by key, the checksum left out, the line `["key","value"]\n`; lines are UTF-8 JSON without spaces.
 */
export async function checkpointChecksum(
  tensors: Iterable<SafetensorsTensor>,
  metadata: ReadonlyMap<string, string>,
): Promise<string> {
  const encoder = new TextEncoder();
  const line = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);
  const parts: Uint8Array[] = [];
  for (const { name, dtype, shape, bytes } of [...tensors].toSorted((a, b) => compare(a.name, b.name))) {
    parts.push(line([name, dtype, shape]), bytes);
  }
  for (const [key, value] of [...metadata].toSorted(([a], [b]) => compare(a, b))) {
    if (key !== CHECKSUM_KEY) parts.push(line([key, value]));
  }
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
