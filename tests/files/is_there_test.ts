import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../src/errors.ts";
import { fileInfo, isThere } from "../../src/files/is_there.ts";
import { watchFiles } from "../crash/file_layer.ts";
import { inFolder } from "../data/made_files.ts";

Deno.test("what is there is told from what is not, also below a file", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "x");
    assert.deepEqual([await isThere(file), await isThere(join(folder, "no")), await isThere(join(file, "x"))], [
      true,
      false,
      false,
    ]);
    assert.equal((await fileInfo(file))?.size, 1);
    assert.equal(await fileInfo(join(folder, "no")), undefined);
  }));

Deno.test("a fault of the disk does not pass for absence", () =>
  inFolder(async (folder) => {
    for (const code of ["EIO", "EACCES"]) {
      using _watched = watchFiles(folder, { decide: () => ({ code }) });
      await assert.rejects(isThere(join(folder, "x")), DataError);
      await assert.rejects(fileInfo(join(folder, "x")), DataError);
    }
  }));
