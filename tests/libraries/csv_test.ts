import fc from "fast-check";
import assert from "node:assert/strict";
import { DataError } from "../../src/errors.ts";
import { type CsvRecord, formatCsvRow, parseCsv } from "../../src/libraries/csv.ts";

const read = (source: string | AsyncIterable<Uint8Array>, delimiter?: string): Promise<CsvRecord[]> =>
  Array.fromAsync(parseCsv(source, { name: "reviews.csv", delimiter }));

const refused = (line: number, about: RegExp) => (error: unknown) =>
  error instanceof DataError && error.message.startsWith(`Cannot read reviews.csv, line ${line}: `) &&
  about.test(error.message);

Deno.test("records carry the line on which they start, also after fields of several lines", async () => {
  assert.deepEqual(await read('\ufeffa,b\r\n"x\ny, ""z""",1\n\n2,3\n"\r\n",\r4,5'), [
    { values: ["a", "b"], line: 1 },
    { values: ['x\ny, "z"', "1"], line: 2 },
    { values: ["2", "3"], line: 5 },
    { values: ["\r\n", ""], line: 6 },
    { values: ["4", "5"], line: 8 },
  ]);
});

Deno.test("ragged records and stray or unclosed quotes are data errors with their line", async () => {
  await assert.rejects(read("a,b\n1,2\n3\n"), refused(3, /wanted 2 fields, found 1$/));
  await assert.rejects(read('a,b\n1,2\n"3"4,5\n'), refused(3, /Quote/));
  await assert.rejects(read('a,b\n1,2\n"3,4\n5,6\n'), refused(3, /never closed/));
});

Deno.test("a source that fails passes its error on", async () => {
  const broken = async function* () {
    yield new TextEncoder().encode("a,b\n1,2\n");
    await Promise.resolve();
    throw new DataError("Cannot read the archive", "Fetch it again.");
  };
  await assert.rejects(read(broken()), /Cannot read the archive/);
});

Deno.test("a reader that stops early leaves nothing open", async () => {
  const endless = async function* () {
    for (;;) {
      yield new TextEncoder().encode("a,b\n".repeat(1000));
      await Promise.resolve();
    }
  };
  for await (const record of parseCsv(endless(), { name: "endless" })) {
    assert.deepEqual(record.values, ["a", "b"]);
    break;
  }
});

Deno.test("numbers are the shortest that read back the same, missing and non-finite values are empty", () => {
  assert.equal(formatCsvRow([0.1, 1e-7, -0, NaN, Infinity, null, undefined, true]), "0.1,1e-7,-0,,,,,true\n");
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    assert.ok(Object.is(Number(formatCsvRow([value]).trim()), value));
  }));
});

Deno.test("text that a spreadsheet would run is guarded unless it shall stay as it is, numbers are not", () => {
  assert.equal(formatCsvRow(["=1+1", "-5", -5, "a=b", "+a", "@b", "＝c"]), "'=1+1,-5,-5,a=b,'+a,'@b,'＝c\n");
  assert.equal(formatCsvRow(["-", "=", "-0", "-1e-7", "\t=1", "-1-1"]), "-,=,-0,-1e-7,\\u{9}=1,'-1-1\n");
  assert.equal(formatCsvRow(["\t=1", "a\u001b[31m\n"], { text: "guarded" }), `'\t=1,"a\u001b[31m\n"\n`);
  assert.equal(formatCsvRow(["a\u001b[31m\n"]), "a\\u{1b}[31m\\u{a}\n");
  assert.equal(formatCsvRow(["=1+1"], { text: "as it is" }), "=1+1\n");
});

Deno.test("what is written is read back the same, whatever the text and the pieces", async () => {
  const row = fc.array(fc.string({ unit: "binary" }), { minLength: 2, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1 }), fc.constantFrom(",", "\t"), async (rows, delimiter) => {
      const text = `h,i\n`.replace(",", delimiter) +
        rows.map((values) => formatCsvRow(values, { delimiter, text: "as it is" })).join("");
      const bytes = new TextEncoder().encode(text);
      const pieces = async function* () {
        for (let i = 0; i < bytes.length; i += 7) yield await Promise.resolve(bytes.subarray(i, i + 7));
      };
      const records = await read(pieces(), delimiter);
      assert.deepEqual(records.slice(1).map((record) => record.values), rows);
    }),
    { numRuns: 60 },
  );
});
