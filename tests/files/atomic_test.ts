import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../src/errors.ts";
import { writeFileAtomically } from "../../src/files/atomic.ts";
import { fileError } from "../../src/files/file_error.ts";
import { PRIVILEGE_SKIP, PRIVILEGED } from "../privilege.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.chmod(folder, 0o755);
    await Deno.remove(folder, { recursive: true });
  }
}

const listing = (folder: string) => Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();

Deno.test("text, bytes and pieces are written and replace an earlier file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await writeFileAtomically(path, "früher\n");
    assert.equal(await Deno.readTextFile(path), "früher\n");
    await writeFileAtomically(path, new Uint8Array([1, 2]));
    assert.deepEqual(await Deno.readFile(path), new Uint8Array([1, 2]));
    await writeFileAtomically(path, [new Uint8Array([3]), new Uint8Array(0), new Uint8Array([4, 5])]);
    assert.deepEqual(await Deno.readFile(path), new Uint8Array([3, 4, 5]));
    assert.deepEqual(listing(folder), ["file"]);
  }));

Deno.test("content that fails half-way leaves the earlier file whole and no temporary file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await writeFileAtomically(path, "whole");
    const broken = async function* () {
      yield new Uint8Array(100_000);
      await Promise.resolve();
      throw new Error("source broke");
    };
    await assert.rejects(writeFileAtomically(path, broken()), /source broke/);
    assert.equal(await Deno.readTextFile(path), "whole");
    assert.deepEqual(listing(folder), ["file"]);
  }));

Deno.test("a folder of that name, a missing parent and a parent that is a file are data errors", () =>
  inFolder(async (folder) => {
    const wanted = (pattern: RegExp) => (error: unknown) => error instanceof DataError && pattern.test(error.message);
    await assert.rejects(writeFileAtomically(folder, "x"), wanted(/it is a folder$/));
    await assert.rejects(writeFileAtomically(join(folder, "no", "x"), "x"), wanted(/no such file or folder$/));
    await writeFileAtomically(join(folder, "file"), "x");
    await assert.rejects(writeFileAtomically(join(folder, "file", "x"), "x"), wanted(/not a folder$/));
  }));

Deno.test(
  "a pipe or device of that name is refused and stays",
  { ignore: Deno.build.os === "windows" },
  () =>
    inFolder(async (folder) => {
      const path = join(folder, "pipe");
      await new Deno.Command("mkfifo", { args: [path] }).output();
      await assert.rejects(
        writeFileAtomically(path, "x"),
        (error: unknown) => error instanceof DataError && /device or pipe$/.test(error.message),
      );
      assert.ok((await Deno.stat(path)).isFifo);
      assert.deepEqual(listing(folder), ["pipe"]);
    }),
);

Deno.test(
  `a folder without write permission is a data error${PRIVILEGE_SKIP}`,
  { ignore: PRIVILEGED },
  () =>
    inFolder(async (folder) => {
      await Deno.chmod(folder, 0o555);
      await assert.rejects(
        writeFileAtomically(join(folder, "x"), "x"),
        (error) => error instanceof DataError && /permission denied$/.test(error.message),
      );
    }),
);

Deno.test("a full device is a data error that says so", { ignore: Deno.build.os !== "linux" }, async () => {
  const full = await Deno.open("/dev/full", { write: true });
  try {
    await full.write(new Uint8Array([1]));
    assert.fail("/dev/full took a byte");
  } catch (error) {
    const told = fileError("Cannot write", "runs/a\u001b[31m", error);
    assert.ok(told instanceof DataError);
    assert.equal(told.message, "Cannot write runs/a\\u{1b}[31m: no space left on the device");
    assert.match(told.hint, /Free some space/);
  } finally {
    full.close();
  }
});
