import assert from "node:assert/strict";
import { join } from "node:path";
import type { InstrumentRow } from "../../src/diagnose/instruments/table.ts";
import { DataError } from "../../src/errors.ts";
import {
  cutInstrumentTables,
  instrumentHeader,
  readInstrumentRows,
  replaceInstrumentRows,
} from "../../src/metrics/instrument_csv.ts";
import { InstrumentFiles } from "../../src/metrics/instrument_files.ts";
import { inFolder } from "./made_run.ts";

const HEADER = "run,step,epoch,split,metric,value\n";
const place = (epoch: number) => ({ step: 10 * epoch, epoch, split: "validation" }) as const;
const value = (number: number | null): InstrumentRow => ({ table: "calibration", cells: ["ece_10", number] });
const line = (epoch: number, number: string) => `r,${10 * epoch},${epoch},validation,ece_10,${number}\n`;
const read = (folder: string) => Deno.readTextFile(join(folder, "calibration.csv"));

Deno.test("training appends a table's rows epoch by epoch, also to a file that is there", async () => {
  await inFolder(async (folder) => {
    for (const epoch of [1, 2]) {
      const files = new InstrumentFiles(folder, "r");
      await files.append(place(epoch), [value(epoch / 8), value(null)]);
      await files.sync();
      files.close();
    }
    assert.equal(await read(folder), HEADER + line(1, "0.125") + line(1, "") + line(2, "0.25") + line(2, ""));
  });
});

Deno.test("going back cuts the rows beyond the checkpoint, and a half-written line", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "calibration.csv");
    const rows = line(1, "1") + line(2, "2") + "r,25,,validation,ece_10,9\n" + line(3, "3");
    await Deno.writeTextFile(path, HEADER + rows + "r,40,4,valid");
    await cutInstrumentTables(folder, { step: 20, epoch: 2 });
    assert.equal(await read(folder), HEADER + line(1, "1") + line(2, "2"));
    await cutInstrumentTables(folder, { step: 20, epoch: 1 });
    assert.equal(await read(folder), HEADER + line(1, "1"));
    await cutInstrumentTables(folder, { step: 0, epoch: 0 });
    assert.equal(await read(folder), HEADER);
    assert.equal(await readInstrumentRows(folder, "bins"), undefined);
  });
});

Deno.test("a diagnosis takes the place of an earlier one of the same place and leaves all others", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "calibration.csv"), HEADER + line(1, "1") + line(2, "2") + line(20, "7"));
    await replaceInstrumentRows(folder, "r", place(2), ["calibration"], [value(5), value(6)]);
    assert.equal(await read(folder), HEADER + line(1, "1") + line(20, "7") + line(2, "5") + line(2, "6"));
    await replaceInstrumentRows(folder, "r", place(2), ["calibration"], []);
    assert.equal(await read(folder), HEADER + line(1, "1") + line(20, "7"));
    await replaceInstrumentRows(folder, "r", { step: null, epoch: null, split: "test" }, ["calibration"], [value(1)]);
    assert.match(await read(folder), /\nr,,,test,ece_10,1\n$/);
  });
});

Deno.test("a table of another header is refused, untouched", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "calibration.csv");
    await Deno.writeTextFile(path, "my,own,numbers\n1,2,3\n");
    const wanted = (error: unknown) =>
      error instanceof DataError && /its header is "my,own,numbers"/.test(error.message);
    await assert.rejects(replaceInstrumentRows(folder, "r", place(1), ["calibration"], [value(1)]), wanted);
    await assert.rejects(new InstrumentFiles(folder, "r").append(place(1), [value(1)]), wanted);
    assert.equal(await read(folder), "my,own,numbers\n1,2,3\n");
  });
});

Deno.test("a token that a spreadsheet would run is guarded, a sign alone is not, quotes are doubled", async () => {
  await inFolder(async (folder) => {
    const token = (text: string): InstrumentRow => ({ table: "tokens", cells: [3, "positive", null, 0, text, 2] });
    await replaceInstrumentRows(folder, "r", place(1), ["tokens"], [token("=1+1"), token("-"), token('"')]);
    const rows = await readInstrumentRows(folder, "tokens");
    assert.deepEqual(rows?.map((row) => row.split(",").slice(8).join(",")), ["'=1+1,2\n", "-,2\n", '"""",2\n']);
  });
});

Deno.test("a table whose writer was killed before its header was down has no rows, and gets its header when cut", () =>
  inFolder(async (folder) => {
    for (const beginning of ["", "run,st"]) {
      await Deno.writeTextFile(`${folder}/bins.csv`, beginning);
      assert.deepEqual(await readInstrumentRows(folder, "bins"), []);
      await cutInstrumentTables(folder, { step: 0, epoch: 0 });
      assert.equal(await Deno.readTextFile(`${folder}/bins.csv`), instrumentHeader("bins"));
    }
  }));
