import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../../src/errors.ts";
import { readSafetensors, tensorValues } from "../../src/model/safetensors_reader.ts";
import { type WritableTensor, writeSafetensors } from "../../src/model/safetensors_writer.ts";

/** A file with this header text and data, nothing checked or aligned. */
function rawFile(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const anyTensor: fc.Arbitrary<Omit<WritableTensor, "name">> = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 4 }), fc.boolean())
  .chain(([shape, double]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const values: fc.Arbitrary<Float32Array | Float64Array> = double
      ? fc.float64Array({ minLength: size, maxLength: size })
      : fc.float32Array({ minLength: size, maxLength: size });
    return values.map((values) => ({ shape, values }));
  });
const anyName = fc.string({ unit: "grapheme", maxLength: 20 }).filter((name) => name !== "__metadata__");
const anyFile = fc.record({
  tensors: fc.dictionary(anyName, anyTensor, { maxKeys: 6 }).map((tensors) =>
    Object.entries(tensors).map(([name, tensor]): WritableTensor => ({ name, ...tensor }))
  ),
  metadata: fc.dictionary(fc.string(), fc.string({ unit: "grapheme" }), { maxKeys: 4 }).map((entries) =>
    new Map(Object.entries(entries))
  ),
});

Deno.test("what the safetensors writer writes, the reader reads back to the bit", () => {
  fc.assert(fc.property(anyFile, ({ tensors, metadata }) => {
    const file = readSafetensors(writeSafetensors(tensors, metadata), "test");
    assert.deepEqual(new Map([...file.metadata].toSorted()), new Map([...metadata].toSorted()));
    assert.equal(file.tensors.size, tensors.length);
    for (const { name, shape, values } of tensors) {
      const found = file.tensors.get(name);
      assert.ok(found);
      assert.deepEqual(found.shape, shape);
      assert.deepEqual(tensorValues(found), values);
    }
  }));
});

Deno.test("elements lie aligned in the file, doubles before singles", () => {
  fc.assert(fc.property(anyFile, ({ tensors, metadata }) => {
    for (const { dtype, bytes } of readSafetensors(writeSafetensors(tensors, metadata), "test").tensors.values()) {
      assert.equal(bytes.byteOffset % (dtype === "F64" ? 8 : 4), 0);
    }
  }));
});

Deno.test("halves of both kinds widen to the singles that they stand for", () => {
  const header =
    '{"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]}}';
  const data = new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x3f80, 0xc0a0, 0x7f80]).buffer);
  const { tensors } = readSafetensors(rawFile(header, data), "test");
  const values = (name: string) => {
    const tensor = tensors.get(name);
    assert.ok(tensor);
    return [...tensorValues(tensor)];
  };
  assert.deepEqual(values("h"), [1, -2, 2 ** -24, 65504]);
  assert.deepEqual(values("b"), [1, -5, Infinity]);
});

const F32 = (name: string, begin: number, end: number, shape = [(end - begin) / 4]) =>
  `"${name}":{"dtype":"F32","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`;
const huge = new Uint8Array(16);
new DataView(huge.buffer).setBigUint64(0, 0xffff_ffff_ffff_ffffn, true);
const long = new Uint8Array(16);
new DataView(long.buffer).setBigUint64(0, 9n, true);

const BROKEN: readonly [name: string, bytes: Uint8Array, place: RegExp][] = [
  ["an empty file", new Uint8Array(), /at least 8 bytes/],
  ["a gigantic header length", huge, /header of 18446744073709551615 bytes/],
  ["a header that ends after the file", long, /header ends at byte 17, the file at byte 16/],
  ["an empty header", rawFile(""), /wanted "{", found nothing/],
  ["a header that begins with a space", rawFile(" {}"), /character 0/],
  ["a header that is not UTF-8", rawFile("{}").fill(0xff, 8), /not UTF-8/],
  ["text after the header", rawFile('{} "x"'), /the header's end/],
  ["a header that stops", rawFile('{"a":{"dtype":"F32"'), /wanted "}", found nothing/],
  ["a duplicate tensor", rawFile(`{${F32("a", 0, 4)},${F32("a", 4, 8)}}`, new Uint8Array(8)), /duplicate key "a"/],
  ["a duplicate hidden by an escape", rawFile(`{${F32("a", 0, 4)},${F32("\\u0061", 4, 8)}}`), /duplicate key "a"/],
  ["a duplicate metadata entry", rawFile('{"__metadata__":{"k":"1","k":"2"}}'), /duplicate key "k"/],
  ["a duplicate key of a tensor", rawFile('{"a":{"dtype":"F32","dtype":"F32"}}'), /duplicate key "dtype"/],
  ["metadata that is no text", rawFile('{"__metadata__":{"k":1}}'), /the text of metadata "k"/],
  ["metadata that is no object", rawFile('{"__metadata__":[]}'), /wanted "{"/],
  ["deep nesting", rawFile(`{"a":${"[".repeat(200_000)}`), /wanted "{"/],
  ["a deep shape", rawFile(`{"a":{"shape":${"[".repeat(200_000)}`), /wanted a whole number/],
  ["an unknown key", rawFile('{"a":{"colour":"red"}}'), /unknown key "colour"/],
  ["a missing key", rawFile('{"a":{"dtype":"F32","shape":[]}}'), /lacks/],
  ["an unknown dtype", rawFile('{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}'), /dtype "I64", wanted F64/],
  ["the dtype toString", rawFile('{"a":{"dtype":"toString","shape":[],"data_offsets":[0,8]}}'), /dtype "toString"/],
  ["a negative extent", rawFile(`{${F32("a", 0, 4, [-1])}}`), /whole number/],
  ["a fraction as extent", rawFile(`{${F32("a", 0, 4, [1.5])}}`), /whole number/],
  ["an extent that is too large", rawFile(`{${F32("a", 0, 4)}}`.replace("[1]", "[9007199254740993]")), /too large/],
  ["a shape whose product overflows", rawFile(`{${F32("a", 0, 4, [2 ** 40, 2 ** 40])}}`, new Uint8Array(4)), /wants/],
  ["too many dimensions", rawFile(`{${F32("a", 0, 4, new Array(64).fill(1))}}`), /32 dimensions/],
  ["offsets that do not match the shape", rawFile(`{${F32("a", 0, 8, [1])}}`, new Uint8Array(8)), /wants 4 bytes/],
  ["offsets backwards", rawFile(`{${F32("a", 8, 4, [1])}}`, new Uint8Array(8)), /wants 4 bytes/],
  ["overlapping tensors", rawFile(`{${F32("a", 0, 8)},${F32("b", 4, 12)}}`, new Uint8Array(12)), /overlaps/],
  ["a hole", rawFile(`{${F32("a", 0, 4)},${F32("b", 8, 12)}}`, new Uint8Array(12)), /hole/],
  ["trailing bytes", rawFile(`{${F32("a", 0, 4)}}`, new Uint8Array(5)), /tensors end at byte/],
  ["data cut short", rawFile(`{${F32("a", 0, 8)}}`, new Uint8Array(4)), /ends at byte 8 of the data, which has 4/],
];
for (const [name, bytes, place] of BROKEN) {
  Deno.test(`a safetensors file with ${name} is refused with its name and the place`, () => {
    assert.throws(() => readSafetensors(bytes, "some.safetensors"), (error) => {
      assert.ok(error instanceof DataError, String(error));
      assert.match(error.message, /some\.safetensors/);
      assert.match(error.message, place);
      return true;
    });
  });
}

Deno.test("random changes to a safetensors file are read or refused, never worse", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(anyFile, changes, fc.nat(), ({ tensors, metadata }, changes, cut) => {
      const bytes = writeSafetensors(tensors, metadata);
      for (const [place, value] of changes) bytes[place % bytes.length] = value;
      try {
        for (const tensor of readSafetensors(bytes.subarray(0, cut % (bytes.length * 2)), "test").tensors.values()) {
          tensorValues(tensor);
        }
      } catch (error) {
        assert.ok(error instanceof DataError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
